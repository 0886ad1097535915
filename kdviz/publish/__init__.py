"""The commands: execute and test the notebooks, train and ship their runs, make assignments, slides and a site."""
