"""What is exported steers no terminal."""

from api.cli.export import printable_lines


def test_control_characters_of_a_server_become_blanks_and_lines_stay() -> None:
    said = "a,b\r\n\x1b]0;x\x07,\x9b31m\u202e\x00\r\n"
    assert printable_lines(said) == "a,b\r\n ]0;x ,\x2031m  \r\n"
    assert printable_lines("a,ä\r\n") == "a,ä\r\n"
