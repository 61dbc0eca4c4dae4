"""Statistics of a study: what other patients and other seeds could have given. Arrays in, numbers out.

`design` says which runs and patients there are, `influence` how much each patient moves a metric; all else follows from
these two: `variance`, `intervals`, `proportions`, `permutation`, `multiplicity`, `ranks`, `conclusions`, `planning`,
`cross_validation`. `notes` has the words that are printed beside the numbers, `estimates` puts together what belongs to
one value or difference.
"""
