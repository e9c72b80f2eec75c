"""Reports of batches: XLSX, HTML, PDF, CSV, JSON and JUnit. `types` says what goes in, `writing.write_report` makes the file."""
