"""chain: unit → department → county → city: passing returns level by level, handing totals up, what stands in the way of signing."""
