"""MM-Vet: a judge grades a reply from 0 to 1."""
