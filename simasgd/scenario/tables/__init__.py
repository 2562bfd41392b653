"""Tables of measured times: plain text, CSV and Parquet, from bytes to series in seconds."""
