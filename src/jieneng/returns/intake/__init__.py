"""intake: a foreign file becomes drafts, in order of cost: a look at it, a limited child process, a layout, drafts.

Pure: may import core, rulebook, the standard library, PyYAML and (in the child only) python-calamine. No Django.
Others may use: layout (load_layout, parse_layout, check_layout), guard (look, Limits), reader (read_file), drafts.
"""
