"""What `import recurate` gives: the loop's arithmetic on arrays, and the tables of studies, as data frames."""
