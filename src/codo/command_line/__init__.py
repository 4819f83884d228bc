"""The command line: its parser, what each verb runs, and the verbs about settings, recipes and completion."""
