"""The texts of expectations/minilm.json: thirty of many kinds, and why each."""

from __future__ import annotations

_REPORT = (
    "The ferry left the northern harbour at ten past six, twenty minutes behind "
    "the timetable, because a lorry had broken down on the ramp and nobody could "
    "find the driver. There were forty-one passengers, three bicycles and a crate "
    "of live crabs that belonged to the restaurant on the island. The sea was "
    "flat and grey. Two hours into the crossing the second engine began to lose "
    "pressure, slowly at first and then all at once, and the engineer, who had "
    "warned about that very pump in the spring, went below without a word. "
)
_REPORT_MORE = (
    "The captain announced that the arrival would be late, that coffee was free "
    "until then, and that nobody needed to worry. Most people did not. A school "
    "class from the valley sang on the upper deck; an old man explained to his "
    "granddaughter how the tide tables work, drawing the moon on a napkin; "
    "someone's dog was sick twice. By noon the pump had been bypassed with a "
    "hose, four clamps and a piece of a deck chair, and the ship went on at seven "
    "knots instead of twelve. When it finally reached the island the crabs were "
    "still alive, the restaurant had closed for the afternoon, and the harbour "
    "master had already filled in the form. It asked for the cause of the delay "
    "in at most twenty words. He wrote: lorry, pump, and a certain lack of "
    "attention to letters sent in spring. Nobody ever asked him what he had "
    "meant, although the pump was replaced within the week, together with the "
    "clamps, the hose and, after some discussion, the deck chair. The passengers "
    "received a voucher for half of a return ticket, valid until the end of the "
    "season and not on public holidays. "
)

TEXTS: list[str] = [
    # Short ones.
    "harbour",
    "a",
    "?",
    "Thank you!",
    "The cat sat on the mat.",
    "Is the library open on the second Sunday of the month?",
    # Case and accents, which this tokenizer folds.
    "THE MANAGER SAID NO. The manager said no. the manager said no.",
    "Crème brûlée, smörgåsbord, jalapeño, façade, naïve, Übermut, Øresund, Łódź.",
    "e\u0301 and é are the same letter; so are A\u030a and Å.",
    # Other scripts.
    "今天的天气很好，我们去公园散步吧。",
    "東京タワーは夜になるとライトアップされます。",
    "안녕하세요, 오늘 회의는 세 시에 시작합니다.",
    "Поезд в Новосибирск отправляется с третьего пути в 18:40.",
    "القطار القادم يصل بعد عشر دقائق.",
    "बारिश के बाद हवा साफ़ हो गई।",
    # Symbols.
    "🚀🔥 shipped it!!! 👩‍👩‍👧‍👦 👍🏽 ❤️",
    "... --- ... !!! ??? ;;; (((nested [brackets {here}]))) \"quotes\" 'single' «guillemets»",
    "Price: €1,299.99 (−15 %), ½ cup, 20 °C ± 0.5, x² ≤ y³, ∑ → ∞",
    # Things that are not prose.
    "https://example.org/path/to/page?id=42&lang=en#section-3",
    "Write to first.last+tag@mail.example.com or visit ftp://files.example.net:2121/a%20b.txt",
    "for (std::size_t i = 0; i < rows.size(); ++i) { sum += rows[i]->value * 0x1F; }",
    "def area(r: float) -> float:\n\treturn 3.14159 * r ** 2  # circle",
    "SELECT name, COUNT(*) FROM visits WHERE day >= '2024-02-29' GROUP BY name;",
    '{"id": 17, "tags": ["a", "b"], "nested": {"ok": true, "none": null}}',
    "  leading, trailing\tand\u00a0odd \u2003 spaces\r\nover two lines  ",
    # Long words: one that splits into many pieces, one too long to be split.
    "Donaudampfschifffahrtsgesellschaftskapitän pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 101 + " is longer than any word the vocabulary splits",
    # Mixed, then long, then past the limit of 512 tokens.
    "Meeting @ 9:30 in 会議室B: budget (v2.1_final), café ☕ — see http://example.com/x?y=1 & bring ID #4471",
    _REPORT + _REPORT_MORE + "That was the whole of it.",
    (_REPORT + _REPORT_MORE) * 2,
]
