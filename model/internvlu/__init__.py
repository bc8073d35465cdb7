"""The bundled model: InternVL-U, inference in the released layout.

Read `pipeline` first; it is put together from `prompts`, `images`, `conditioning` (what the
language model says), `decoder` with `attention` and `rope` (velocities), `guidance`, `sampler` and
`latents`. `config`, `checkpoint` and `loading` read and write the official files.
"""
