"""What the fork server and its client send each other."""

import struct

HEADER = struct.Struct("=I")  # bytes of the JSON that follows
ANSWER = struct.Struct("=i")  # a process id, or a status as of waitpid
