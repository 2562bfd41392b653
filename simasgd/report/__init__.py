"""Reports: tables become figures, and figures one self-contained page. Nothing here simulates."""
