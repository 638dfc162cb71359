"""``./run bench [city|national|review] …``: city unless said."""

import sys

from . import city, national, review

if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["national"]:
        sys.exit(national.main(words[1:]))
    if words[:1] == ["review"]:
        sys.exit(review.main(words[1:]))
    sys.argv[1:] = words[1:] if words[:1] == ["city"] else words
    city.main()
