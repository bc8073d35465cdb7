"""The floor: types, protocols and stored runs. Everybody may import it; it imports nobody."""
