"""LogicVista: a judge names the options that a reply chooses."""
