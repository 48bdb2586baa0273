"""The longer texts and the files of the world's letters."""

from __future__ import annotations

import base64

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
INVITATION = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//valley.example//demo//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:maps-and-soup@valley.example
DTSTAMP:20260101T120000Z
DTSTART:20261205T180000Z
DTEND:20261205T200000Z
SUMMARY:Maps and soup
LOCATION:Carla's kitchen
ORGANIZER;CN=Carla:mailto:carla@valley.example
ATTENDEE;CN=Alice;RSVP=TRUE:mailto:alice@valley.example
END:VEVENT
END:VCALENDAR
"""
PATCH = """The counter starts at one, the documentation says zero.

---
 trail.c | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/trail.c b/trail.c
index 3a1f0c2..9be7d41 100644
--- a/trail.c
+++ b/trail.c
@@ -10,7 +10,7 @@ int cairns(const struct trail *t)
 {
-\tint n = 1;
+\tint n = 0;
 \tfor (const struct stone *s = t->first; s; s = s->next)
 \t\tn += s->piled;
 \treturn n;
--
2.47.0
"""
NEWSLETTER = """<!DOCTYPE html><html><head><style>td{padding:8px}</style></head><body>
<div style="display:none">You only see this line in the preview.</div>
<table><tr><td><h1>The Valley Weekly</h1>
<p>The <b>bakery</b> opens on Sundays again, the footbridge is
<a href="https://weekly.valley.example/bridge">repaired at last</a>, and the library lends snowshoes.</p>
<ul><li>Market: Saturday, 8 to 12</li><li>Choir: new voices wanted</li></ul>
<img src="https://weekly.valley.example/open.gif?reader=17" width="1" height="1" alt=""></td></tr></table>
</body></html>
"""

BOBS_MAIL = (
    (
        "Stone & Sons <quarry@ridge.example>",
        "Delivery of gravel on Thursday",
        "Two tons, between 7 and 8. Please keep the gate open.\n",
        70,
    ),
    (
        "Town Office <office@valley.example>",
        "Permit for the footbridge",
        "The permit is granted until the end of the year.\n\n.\n.. is how the seal looks in plain text.\n",
        48,
    ),
    (
        "Carla <carla@valley.example>",
        "Ladder",
        "Bob, could you lend me the long ladder on Saturday?\n\nCarla\n",
        26,
    ),
    ("Tool Shop <shop@tools.example>", "Sale: 20 % off all hammers", "Until Friday.\n", 12),
    (
        "Alice Ng <alice@valley.example>",
        "Ridge on Sunday",
        "Bob, we start at eight from the mill. Dmitri brings tea.\n\nAlice\n",
        5,
    ),
)
