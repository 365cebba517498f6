"""How far a study is, from the files of its runs, and how a terminal shows it."""
