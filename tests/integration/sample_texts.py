"""Texts of many kinds, and ways to keep a model busy."""

from __future__ import annotations

VARIED = [
    "a",
    "Harbour.",
    "The kettle is whistling again.",
    "WHY DOES NOBODY READ THE MANUAL?",
    "We moved the piano up four flights of stairs, and nobody spoke for an hour.",
    "tabs\tand\nnew lines\r\nand   many   spaces",
    "  leading and trailing blanks  ",
    "naïve façade, jalapeño, Ångström, smörgåsbord",
    "Grüße aus Köln: die Straße ist gesperrt.",
    "Съешь ещё этих мягких французских булок",
    "Η θάλασσα ήταν ήρεμη το πρωί.",
    "今日はとても良い天気ですね。",
    "我们在河边野餐，孩子们放风筝。",
    "오늘 아침에 커피를 두 잔 마셨어요.",
    "صباح الخير، كيف حالك اليوم؟",
    "שלום, מה שלומך היום?",
    "नमस्ते, आप कैसे हैं?",
    "สวัสดีตอนเช้า",
    "🎉🚀 emoji 👩‍👩‍👧‍👦 with joiners 🏳️‍🌈",
    "e\u0301 combining, \u00e9 composed",
    "zero\u200bwidth\u200dand\ufeffmarks",
    "a NUL \u0000 in the middle",
    "control \u0001\u0002\u001f characters",
    "quotes \" and ' and \\ and / slashes",
    '{"json": ["inside", 1, null]}',
    "<html><body>Fish &amp; chips</body></html>",
    "SELECT name FROM boats WHERE length > 12; -- all of them",
    "for (int i = 0; i < n; ++i) sum += x[i] * y[i];",
    "https://example.org/a/b?c=d&e=f#g",
    "someone@example.org wrote on 2024-02-29 at 23:59:59",
    "3.14159 2.71828 1e-10 0x1F 1,000,000",
    "!!! ??? ... --- ***",
    "[CLS] this is not a special token, or is it? [SEP] [MASK] [PAD]",
    "##pieces ##of ##words",
    "Donaudampfschifffahrtsgesellschaftskapitänsmütze",
    "x" * 150,
    "supercalifragilisticexpialidocious " * 5,
    "word " * 60,
    "The ferry leaves at dawn; bring a coat, a thermos, and patience. " * 6,
    "One sentence follows another until the page is full. " * 25,
    "\u3000full-width\u3000blanks\u3000",
    "I would not call the soup bad, exactly, but I would not call it soup either.",
]

# Close to the model's limit of 512 tokens, so that one of them takes as long as a text can.
LONG = "river " * 505
# Over it: 602 tokens with the two special ones.
TOO_LONG = "river " * 600
