#!/usr/bin/env python3
"""Writes texts.json: texts of many kinds, for every test that compares answers with a reference.

  python3 make_texts.py [--check]

texts.json is a list of {"kind": …, "text": …}, every text once. Kinds are what tokenizers tell apart, or trip over:
scripts, normal forms, invisible characters, control characters, code, markup, lengths. A text has no lone surrogate,
because no UTF-8 has one. With --check nothing is written: it fails when the file is not what this makes.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

OUT = Path(__file__).resolve().parent / "texts.json"

SENTENCES = [
    "The ferry leaves at dawn; bring a coat, a thermos, and patience.",
    "Nobody had told the new caretaker about the second cellar.",
    "We moved the piano up four flights of stairs, and nobody spoke for an hour.",
    "If it rains on Thursday, the market moves into the old tram depot.",
    "Her grandmother kept bees, two goats and a grudge.",
    "I would not call the soup bad, exactly, but I would not call it soup either.",
    "The bridge opens for sailing boats at noon and at six.",
    "He paid for the lamp twice: once with money, once with his back.",
    "Does anyone know why the clock in the hall runs backwards?",
    "Three of the seven keys fit; the fourth broke in the lock.",
    "What a wonderful concert, I could have listened until morning!",
    "The worst meal of my life; I want my money back.",
    "Parcel 17 was delivered to the wrong house, opened, and returned with an apology.",
    "They say the lake froze in 1963 and lorries drove across.",
]

KINDS: dict[str, list[str]] = {}
KINDS["sentence"] = SENTENCES
KINDS["one character"] = list("aZ7.?-_#~éßñ") + [
    "中",
    "あ",
    "ア",
    "한",
    "ي",
    "א",
    "ก",
    "न",
    "Ж",
    "Ω",
    "🎈",
    "\u0301",
    "¼",
    "Ⅷ",
]
KINDS["one word"] = [
    "harbour",
    "Harbour",
    "HARBOUR",
    "hArBoUr",
    "re-entry",
    "rock'n'roll",
    "o'clock",
    "can't",
    "naïve",
    "co-operate",
    "antidisestablishment",
    "floccinaucinihilipilification",
    "hyperparameterization",
]
KINDS["letter case"] = [
    "WHY DOES NOBODY READ THE MANUAL?",
    "tHe KeTtLe Is WhIsTlInG",
    "iPhone, eBay, McDonald, MacBook, LaTeX",
    "İstanbul and ISPARTA, ırmak and Izmir",
    "STRASSE, Straße, STRAẞE",
    "ΟΔΟΣ, οδος, οδός",
    "ǅungla, ǆungla, Ǆungla",
    "ﬁnal ﬂight, oﬃce",
    "ŉ is one letter, ǰ another",
]
KINDS["accents"] = [
    "naïve façade, jalapeño, Ångström, smörgåsbord",
    "Grüße aus Köln: die Straße ist gesperrt.",
    "Příliš žluťoučký kůň, a čaj k tomu",
    "Ele não sabe se o pão está bom às três.",
    "El niño comió piñones en la montaña.",
    "Zażółć tę łódkę jeszcze dziś",
    "Þetta er æðislegt, sagði Ólafur.",
    "Tôi thích ăn phở vào buổi sáng.",
    "Kde je můj deštník, ptal se Řehoř.",
    "L’été où nous n’avons rien fait était le meilleur.",
    "Őrült nagy hőség van, mondta az öreg",
    "Ġurnata sabiħa f'Għawdex",
    "Çok güzel bir gün, değil mi?",
]
KINDS["combining marks"] = [
    "e\u0301 and \u00e9 look the same",
    "A\u030angstro\u0308m",
    "Z\u0351\u0346\u0302a\u0335\u0321l\u0334\u0327g\u0337\u0322o\u0336\u0328",
    "\u0301 begins with a mark",
    "n\u0303 n\u0303\u0303 n\u0303\u0303\u0303",
    "q\u0307\u0323 and q\u0323\u0307 are one",
    "\u1100\u1161\u11a8 is \uac01",
    "a\u20dd b\u20e3 c\u20e0",
    "\u0915\u093c and \u0958",
    "x\u0338 \u2260 =\u0338",
    "o\u0302\u0301 \u1ed1",
    "i\u0307\u0323 dotted twice",
    "a" + "\u0300" * 60,
]
KINDS["compatibility forms"] = [
    "ＦＵＬＬ　ｗｉｄｔｈ　１２３",
    "ｶﾀｶﾅ ﾊﾝｶｸ",
    "① ② ③ ⑩ ⓐ ⓩ",
    "x² + y³ = z⁴, H₂O, aₙ",
    "½ ¾ ⅓ ⅞",
    "ℌ ℑ ℝ ℤ ℕ ℚ",
    "𝐛𝐨𝐥𝐝 𝑖𝑡𝑎𝑙𝑖𝑐 𝒮𝒸𝓇𝒾𝓅𝓉 𝔉𝔯𝔞𝔨𝔱𝔲𝔯",
    "㎏ ㎞ ㏒ ㍿ ㋿",
    "№ 5 ™ ® © ℠",
    "Ⅳ Ⅸ ⅻ",
    "ﷺ is one sign",
    "ﬀ ﬃ ﬅ",
    "º ª",
]
KINDS["Chinese"] = [
    "今天的天气真好。",
    "我们在河边野餐，孩子们放风筝。",
    "他把钥匙忘在火车上了！",
    "臺灣的夜市很熱鬧，我想再去一次。",
    "请问，去火车站怎么走？",
    "这本书太厚了，我只看了三页。",
    "𠮷野家和𡈽屋",
    "春眠不觉，窗外有鸟。",
    "2024年3月15日，星期五",
    "「引號」與『書名號』",
    "中文mixed英文without空格",
    "一二三四五六七八九十百千万",
]
KINDS["Japanese"] = [
    "今日はとても良い天気ですね。",
    "コーヒーを二杯ください。",
    "電車が遅れているので、歩いて行きます。",
    "カタカナ、ひらがな、漢字",
    "ガ と ｶﾞ と か\u3099",
    "すごーーーい！！！",
    "ﾊﾝｶｸとゼンカク",
    "明日の朝、港で会いましょう。",
    "これは「鍵」ですか？いいえ、ペンです。",
    "々〆〇ヶ",
    "えっ……本当に？",
    "東京2020オリンピック",
]
KINDS["Korean"] = [
    "오늘 아침에 커피를 두 잔 마셨어요.",
    "기차가 늦어서 걸어갔습니다.",
    "안녕하세요, 반갑습니다!",
    "ㅋㅋㅋㅋ ㅠㅠ",
    "한국어와 English를 섞어 쓰기",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "뷁 쀍 똠",
    "내일 항구에서 만나요.",
    "책이 너무 두꺼워서 세 쪽만 읽었다.",
    "값이 얼마예요?",
]
KINDS["Arabic"] = [
    "صباح الخير، كيف حالك اليوم؟",
    "القطار متأخر، سأذهب مشيا.",
    "السَّلَامُ عَلَيْكُمْ",
    "قال: «لا أعرف» ثم خرج.",
    "١٢٣٤٥٦٧٨٩٠",
    "لا إله لأ لآ لإ",
    "کتاب من کجاست؟",
    "یہ کتاب بہت موٹی ہے۔",
    "ﻻ ﻷ ﻵ ﺍ",
    "كـــــبير",
    "البحر هادئ في الصباح.",
    "العدد 42 ثم 17",
]
KINDS["Hebrew"] = [
    "שלום, מה שלומך היום?",
    "הרכבת מאחרת, אלך ברגל.",
    "בְּרֵאשִׁית",
    'הוא אמר: "לא" והלך.',
    "קניתי 3 תפוחים ב־12 ₪",
    "צה״ל וג׳ירפה",
]
KINDS["Devanagari"] = [
    "नमस्ते, आप कैसे हैं?",
    "आज मौसम बहुत अच्छा है।",
    "क्षत्रिय ज्ञान श्री",
    "रेलगाड़ी देर से आएगी।",
    "१२३४५६७८९०",
    "क्‍ष क्‌ष क्ष",
    "हिन्दी और English साथ",
    "मराठी भाषा ळ",
]
KINDS["Thai and its neighbours"] = [
    "สวัสดีตอนเช้า",
    "รถไฟมาช้าฉันจะเดินไป",
    "กาแฟสองแก้วครับ",
    "น้ำแข็งเปล่า ๑๒๓",
    "ສະບາຍດີ",
    "សួស្តី",
    "မင်္ဂလာပါ",
    "ภาษาไทยและEnglishปนกัน",
]
KINDS["other scripts"] = [
    "Съешь ещё этих мягких булок",
    "Ґанок, їжак, єнот",
    "Η θάλασσα ήταν ήρεμη το πρωί.",
    "Բարև Ձեզ",
    "გამარჯობა",
    "ሰላም ለሁሉም",
    "வணக்கம்",
    "నమస్కారం",
    "ನಮಸ್ಕಾರ",
    "നമസ്കാരം",
    "সুপ্রভাত",
    "ਸਤ ਸ੍ਰੀ ਅਕਾਲ",
    "શુભ સવાર",
    "ආයුබෝවන්",
    "བཀྲ་ཤིས",
    "ᠮᠣᠩᠭᠣᠯ",
    "ᚠᚢᚦᚨᚱᚲ",
    "ⴰⵣⵓⵍ",
    "ᏣᎳᎩ",
    "𐌀𐌁𐌂 𐤀𐤁𐤂",
    "𒀀𒁀",
    "Ѳита и ѣзда",
]
KINDS["emoji"] = [
    "🎉🚀✨",
    "👩‍👩‍👧‍👦 a family",
    "🏳️‍🌈 and 🏴‍☠️",
    "👍🏽 👍🏿 👍",
    "🇩🇪🇫🇷🇯🇵",
    "❤ ❤️ ❤︎",
    "1️⃣ 2️⃣ #️⃣",
    "I ❤️‍🔥 it",
    "👨🏾‍💻 writes code 👩🏻‍🚀 flies",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland",
    "😀😃😄😁😆😅😂🤣",
    "no🍕blank🍕between",
    "🫠🫡🫢 new ones",
    ":-) ;-) :'( ¯\\_(ツ)_/¯",
    "👁️‍🗨️",
    "🧑‍🤝‍🧑",
]
KINDS["mixed scripts"] = [
    "Привет world 你好 مرحبا",
    "paypаl with a Cyrillic а",
    "Tokyo (東京) is далеко from Αθήνα",
    "über-Ｃｏｏｌ 카페 №1",
    "español中文русский한국어",
    "abcאבגdef",
    "αβγabcабв",
    "3 घंटे, 4 小時, 5 часов",
    "Ångström Å Å",
    "I speak 日本語, deutsch и français",
    "a中b文c",
    "ไทยabc한글",
]
KINDS["white space"] = [
    "  leading and trailing  ",
    "tabs\tand\ttabs",
    "new\nlines\nand\r\nothers\rtoo",
    "many     blanks",
    "\u00a0no\u00a0break\u00a0",
    "\u3000full\u3000width\u3000",
    "thin\u2009hair\u200aem\u2003en\u2002",
    "form\ffeed and \vvertical tab",
    "line\u2028and\u2029paragraph",
    "\t\tindented\n\t\ttwice",
    "next\u0085line",
    "ogham\u1680blank",
    "mathematical\u205fblank",
    "a\u202fnarrow",
    "end\n",
    "\nbegin",
    "\n\n\ntriple\n\n\n",
    " x",
    "x ",
    "x\t",
]
KINDS["blank only"] = [" ", "\t", "\n", "   \n\t ", "\u3000", "\u00a0", "\r\n"]
KINDS["empty"] = [""]
KINDS["invisible characters"] = [
    "zero\u200bwidth\u200bblank",
    "join\u200der and non\u200cjoiner",
    "\ufeffa mark at the start",
    "in the \ufeff middle",
    "soft\u00adhyphen\u00adated",
    "word\u2060joiner",
    "\u180emongolian",
    "function\u2061application",
    "variation\ufe0f \ufe00selectors",
    "tag\U000e0041\U000e0042s",
    "\u200b",
    "\u034fgrapheme joiner",
    "hangul\u3164filler",
    "inter\ufff9line\ufffaar\ufffb",
]
KINDS["direction marks"] = [
    "\u200eleft\u200f right",
    "\u202eoverride\u202c end",
    "\u2066isolate\u2069",
    "\u202aembed\u202b\u202c\u202c",
    "abc \u200fאבג\u200e def",
    "\u061cArabic mark",
    "\u2067\u2068first\u2069\u2069",
]
KINDS["control characters"] = [
    "a NUL \u0000 in the middle",
    "\u0000",
    "\u0000at the start",
    "at the end\u0000",
    "\u0001\u0002\u0003\u0004",
    "bell\u0007 back\u0008space",
    "escape \u001b[31mred\u001b[0m",
    "delete\u007f",
    "c1 \u0080\u0090\u009f codes",
    "\u001funit\u001eseparator",
    "\u0000\u0000\u0000",
    "two\u0000words",
    "sub\u001astitute",
]
KINDS["unusual code points"] = [
    "\ufffd replacement",
    "\ufffe and \uffff are none",
    "\U0001fffe",
    "private \ue000\uf8ff use",
    "\U000f0000 plane 15 \U0010fffd plane 16",
    "\U0010ffff the last",
    "\ud7ff before \ue000",
    "unassigned \u0378 \u0530 \U0001ffff",
    "\U00020000 \U0002a6d6 \U00030000",
    "\U0001d11e clef",
    "\ufdd0 none",
    "\U0001f9ff\U0001fa70",
    "\u10ff \u2fff",
]
KINDS["numerals"] = [
    "3.14159 2.71828 1e-10 0x1F 1,000,000",
    "12345678901234567890",
    "٣٫١٤ ३.१४ 三点一四",
    "1/2 3/4 50% 7‰",
    "+49 (0)30 123456-78",
    "2024-02-29T23:59:59Z",
    "€ 19,99 $5 £3 ¥100 ₹7",
    "192.168.0.1 ::1 fe80::1%eth0",
    "-0 +0 1e400 NaN inf",
    "1st 2nd 3rd 4th",
    "v1.2.3-rc.4+build5",
    "007",
    "0b1010 0o17",
    "1 000 000",
    "ISBN 978-3-16-148410-0",
]
KINDS["punctuation"] = [
    "!!! ??? ... --- ***",
    "…—–‐‑‒―",
    "“quotes” ‘single’ «guillemets» „low“ ‹one›",
    "(a) [b] {c} <d>",
    "¡Hola! ¿Qué?",
    "a.b.c...d",
    "?!?!?!",
    ".,;:!?",
    "\" and ' and \\ and /",
    "@ # $ % ^ & * ( ) _ + | ~ `",
    "¶ § † ‡ • ‣",
    "、。，．・：；？！",
    "--flag=value -x",
    "semi;colon;separated",
    "........................................",
    "'''\"\"\"```",
    "___init___",
    "=" * 80,
    "-" * 300,
]
KINDS["symbols"] = [
    "∑∫∂√∞≈≠≤≥",
    "→ ← ↑ ↓ ⇒ ⇔",
    "♠♥♦♣ ♔♕ ☃☂",
    "░▒▓█ ┌─┐│└┘",
    "⠓⠑⠇⠇⠕",
    "♩♪♫♬",
    "∀x∈ℝ: ∃y>x",
    "°C °F µm Ω",
    "✓ ✗ ✔︎ ✘",
    "⚠️ ☢ ☣",
]
KINDS["URLs and addresses"] = [
    "https://example.org/a/b?c=d&e=f#g",
    "someone@example.org wrote",
    "http://user:secret@localhost:8080/path",
    "www.example.org/%E4%BD%A0%E5%A5%BD",
    "ftp://files.example.org/x.tar.gz",
    "https://例え.example/パス",
    "mailto:a.b+c@example.org?subject=hi%20there",
    "file:///usr/share/doc/README",
    "C:\\Users\\Ada\\My Documents\\x.txt",
    "../../etc/hosts",
    "urn:isbn:0451450523",
    "data:text/plain;base64,SGVsbG8=",
    "https://example.org/" + "segment/" * 30,
]
KINDS["code"] = [
    "for (int i = 0; i < n; ++i) sum += x[i] * y[i];",
    "def area(r):\n    return 3.14 * r ** 2\n",
    "SELECT name FROM boats WHERE length > 12; -- all of them",
    'if [ "$x" = 1 ]; then echo yes; fi',
    'fn main() { println!("{:?}", vec![1, 2]); }',
    "const f = async (x) => await g(x ?? 0);",
    "#include <vector>\ntemplate <typename T> struct S;",
    "^[a-z]+(?:\\.[a-z]+)*$",
    'git commit -m "it works" && git push',
    "lambda x: x if x else -x",
    "x = {'a': [1, 2, {'b': None}]}",
    "\\begin{equation} e^{i\\pi} + 1 = 0 \\end{equation}",
    "0x7fff5fbff8c8: mov %rax, -0x8(%rbp)",
    "camelCase snake_case kebab-case SCREAMING_CASE",
    "print('\\n\\t\\u00e9')",
]
KINDS["markup"] = [
    "<html><body>Fish &amp; chips</body></html>",
    '<p class="x">un<b>believ</b>able</p>',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<?xml version=\"1.0\"?><a b='c'/>",
    "<!-- a comment -->",
    "&nbsp;&eacute;&#x1F600;&#0;",
    "# Title\n\n* one\n* two\n\n**bold** and _italic_",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "[a link](https://example.org) ![image](x.png)",
    "> quoted\n> twice",
    "```python\nprint(1)\n```",
    '{"json": ["inside", 1, null, true]}',
    "[[1,2],[3,[4,[5]]]]",
    '{"unterminated": ',
    "key: value\nlist:\n  - a\n  - b",
    'a,b,c\n1,"2,3",4\n',
    "{{ template }} {% if x %}",
]
KINDS["special tokens"] = [
    "[CLS] this is not special, or is it? [SEP]",
    "[MASK] [PAD] [UNK]",
    "<s> </s> <pad> <unk> <mask>",
    "[cls] [sep]",
    "[ CLS ]",
    "##pieces ##of ##words",
    "▁blank ▁marks",
    "Ġbyte Ċmarks",
    "<|endoftext|>",
    "[CLS][CLS][SEP][SEP]",
    "a[MASK]b",
    "<mask>lower",
    "  <mask>  ",
    "[SEP]",
    "</s>",
    "[unused1] [unused99]",
]
KINDS["long words"] = [
    "Donaudampfschifffahrtsgesellschaftskapitänsmütze",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "x" * 150,
    "x" * 1000,
    "ab" * 200,
    "é" * 120,
    "中" * 120,
    "🎈" * 120,
    "pneumonoultramicroscopicsilicovolcanoconiosis",
    "Taumatawhakatangihangakoauauotamateaturipukakapikimaungahoronukupokaiwhenuakitanatahu",
    "a-" * 80,
    "1" * 200,
]
KINDS["repetition"] = [
    "word " * 60,
    "ha" * 40,
    "no, no, no, " * 20,
    "supercalifragilisticexpialidocious " * 5,
    "!" * 100,
    "\n" * 50 + "x",
    "la la la la la la la la",
    "the the the the the",
    "aaaa aaaa aaaa",
    "😀" * 60,
]
KINDS["several sentences"] = [
    " ".join(SENTENCES[first : first + count])
    for first, count in (
        (0, 2),
        (3, 2),
        (6, 2),
        (9, 2),
        (12, 2),
        (0, 3),
        (4, 3),
        (8, 3),
        (11, 3),
        (0, 5),
        (5, 5),
        (9, 5),
        (0, 8),
        (6, 8),
        (0, 14),
    )
]
KINDS["paragraphs"] = [
    "\n\n".join(SENTENCES[:4]),
    "\n".join(f"{number}. {text}" for number, text in enumerate(SENTENCES[:6], 1)),
    "\r\n".join(SENTENCES[5:9]),
    "\n".join(f"  - {text}" for text in SENTENCES[7:12]),
]


def filled(unit: str, length: int) -> str:
    """`unit` again and again, cut at so many characters."""
    return (unit * (length // len(unit) + 1))[:length]


KINDS["10,000 characters"] = [
    filled(" ".join(SENTENCES) + " ", 10_000),
    filled("river ", 10_000),
    filled("x", 10_000),
    filled("中文字符", 10_000),
    filled("Ωμέγα, ", 10_000),
    filled("🎈 ", 10_000),
    filled(" ", 9_999) + "x",
    filled("कहाँ ", 10_000),
    filled("a\u0301", 10_000),
    filled("0123456789 ", 10_000),
]
# Just under and over what models take, where one word is one token or nearly.
KINDS["near a limit"] = [
    ("river " * count).strip()
    for count in (29, 30, 31, 61, 62, 63, 94, 125, 126, 127, 253, 254, 255, 509, 510, 511, 512)
]
KINDS["normal forms"] = [
    unicodedata.normalize(form, "Ǻ ḍ̇ ﬁ ² Å 각 が क़ Ω") for form in ("NFC", "NFD", "NFKC", "NFKD")
]


def texts() -> list[dict[str, str]]:
    """Every text once, under the first kind that has it."""
    found: dict[str, str] = {}
    for kind, members in KINDS.items():
        for text in members:
            text.encode("utf-8")  # fails on a lone surrogate
            found.setdefault(text, kind)
    return [{"kind": kind, "text": text} for text, kind in found.items()]


def main() -> int:
    """Writes or checks. Returns the exit code."""
    lines = [json.dumps(entry) for entry in texts()]  # in ASCII, so that no editor changes an invisible character
    made = "[\n" + ",\n".join(lines) + "\n]\n"
    if sys.argv[1:] == ["--check"]:
        if OUT.read_text(encoding="utf-8") != made:
            print(f"{OUT.name} is not what {Path(__file__).name} makes; run it again")
            return 1
        return 0
    OUT.write_text(made, encoding="utf-8")
    print(f"{OUT.name}: {len(lines)} texts of {len(KINDS)} kinds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
