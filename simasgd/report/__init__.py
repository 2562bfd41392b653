"""Reports: tables to figures, figures to one self-contained page. Nothing here simulates."""
