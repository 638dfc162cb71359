"""``./run bench [city|national|province|register|review|saving|workbooks] …``: city unless said."""

import sys

from . import city, national, province, register, review, saving, workbooks

MAINS = {"national": national.main, "province": province.main, "register": register.main, "review": review.main, "saving": saving.main, "workbooks": workbooks.main}

if __name__ == "__main__":
    words = sys.argv[1:]
    if words and words[0] in MAINS:
        sys.exit(MAINS[words[0]](words[1:]))
    sys.argv[1:] = words[1:] if words[:1] == ["city"] else words
    city.main()
