"""``./run bench [city|national|register|province] …``: city unless said."""

import sys

from . import city, national, province, register

if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["national"]:
        sys.exit(national.main(words[1:]))
    if words[:1] == ["register"]:
        sys.exit(register.main(words[1:]))
    if words[:1] == ["province"]:
        sys.exit(province.main(words[1:]))
    sys.argv[1:] = words[1:] if words[:1] == ["city"] else words
    city.main()
