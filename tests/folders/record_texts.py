"""The texts whose answers expectations/ keeps."""

TEXTS = [
    "a",
    "Harbour.",
    "The kettle is whistling again.",
    "We moved the piano up four flights of stairs, and nobody spoke for an hour.",
    "naïve façade, jalapeño, Ångström; Grüße aus Köln",
    "今日はとても良い天気ですね。 오늘 아침에 커피를 두 잔 마셨어요.",
    "صباح الخير، كيف حالك اليوم؟ नमस्ते, आप कैसे हैं?",
    "🎉🚀 emoji 👩‍👩‍👧‍👦 with joiners, e\u0301 combined",
    "  tabs\tand\nnew lines\r\nand   many   spaces  ",
    "[CLS] or <s>? not special [SEP] </s> perhaps <mask>",
    # Over the limit of nearly every folder.
    "The ferry leaves at dawn; bring a coat, a thermos, and patience. " * 12,
    # Over the limit of every folder.
    "One sentence follows another until the page is full, and then the next page begins. " * 16,
]

# (query, passage): what a cross-encoder is asked. The long ones are cut, the longer of the two first.
PAIRS = [
    ("When does the ferry leave?", "The ferry leaves at dawn; bring a coat, a thermos, and patience."),
    ("When does the ferry leave?", "The kettle is whistling again."),
    ("a", "b"),
    ("piano", "We moved the piano up four flights of stairs, and nobody spoke for an hour."),
    ("今日は", "とても良い天気ですね。"),
    ("short", "One sentence follows another until the page is full, and then the next page begins. " * 16),
    ("One sentence follows another until the page is full. " * 16, "short"),
    ("The ferry leaves at dawn. " * 20, "Bring a coat, a thermos, and patience. " * 20),
]
