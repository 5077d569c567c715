"""The rooms under src/ include only downwards, as the table in docs/architecture.md says."""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)

# Headers that must stay above the engine (left: pattern, right: rooms that may include it).
HEAVY = {
    r"^onnxruntime": {"model"},
    r"^rapidjson": {"folder", "codec"},
    r"^simdjson": {"text", "codec", "hub", "openapi"},
    r"^curl/": {"hub"},
    r"^openssl/": {"hub", "access", "http"},
    r"^boost/(asio|beast)": {"http", "load"},
    r"^boost/(histogram|math)": {"load"},
    r"^(grpc(pp)?/|google/protobuf/|inference.*\.pb\.h)": {"rpc"},
    r"^onnx_file\.pb\.h": {"convert"},
    r"^yaml-cpp": {"app"},
    r"^CLI/": {"cli"},
    r"^csv\.h": {"dataset"},
    r"^prometheus/": {"metrics"},
    r"^spdlog/": {"base"},
    r"^(zlib|zstd)": {"http"},
    r"^liburing": {"http"},
    r"^sqlite3": {"sentiment"},
}


def allowed_rooms() -> dict[str, set[str]]:
    """The table between the markers of docs/architecture.md: room -> rooms that it may include."""
    text = (SOURCE / "docs" / "architecture.md").read_text()
    table = text.split("<!-- rooms -->")[1].split("<!-- /rooms -->")[0]
    rooms: dict[str, set[str]] = {}
    for line in table.strip().splitlines()[2:]:
        room, _, below = (cell.strip() for cell in line.strip().strip("|").split("|"))
        rooms[room.strip("`")] = set(re.findall(r"`(\w+)`", below))
    return rooms


def cmake_rooms() -> dict[str, set[str]]:
    """What CMakeLists.txt links: room -> rooms."""
    text = (SOURCE / "CMakeLists.txt").read_text()
    rooms = {}
    for name, arguments in re.findall(r"^weir_room\((\w+)([^)]*)\)", text, re.MULTILINE):
        linked = re.search(r"ROOMS ([a-z ]+)", arguments)
        rooms[name] = set(linked.group(1).split()) if linked else set()
    return rooms


def reachable(room: str, direct: dict[str, set[str]]) -> set[str]:
    """All rooms below `room`, itself included."""
    found = {room}
    for below in direct[room]:
        found |= reachable(below, direct)
    return found


def includes() -> list[tuple[pathlib.Path, str, str]]:
    """(file, its room, included path) of every #include under src/."""
    found = []
    for file in sorted((SOURCE / "src").rglob("*")):
        if file.suffix in {".cc", ".h"}:
            room = file.relative_to(SOURCE / "src").parts[0]
            found += [(file, room, path) for path in INCLUDE.findall(file.read_text())]
    return found


def test_every_include_goes_to_a_room_that_the_table_allows() -> None:
    rooms = allowed_rooms()
    wrong = []
    for file, room, path in includes():
        target = path.split("/")[0]
        if target in rooms and target not in reachable(room, rooms):
            wrong.append(f"{file.relative_to(SOURCE)} includes {path}: {room} may not know {target}")
    assert not wrong, "\n".join(wrong)


def test_cmake_links_what_the_table_says() -> None:
    assert cmake_rooms() == allowed_rooms()


def test_every_folder_under_src_is_a_room_of_the_table() -> None:
    folders = {folder.name for folder in (SOURCE / "src").iterdir() if folder.is_dir()}
    assert folders == set(allowed_rooms())


def test_heavy_headers_stay_in_their_rooms() -> None:
    wrong = []
    for file, room, path in includes():
        for pattern, homes in HEAVY.items():
            if re.match(pattern, path) and room not in homes:
                wrong.append(f"{file.relative_to(SOURCE)} includes {path}")
    assert not wrong, "\n".join(wrong)


def test_onnx_runtime_is_known_to_one_folder_only() -> None:
    users = {file.parent.name for file, _, path in includes() if path.startswith("onnxruntime")}
    assert users == {"onnx"}


def test_no_source_file_is_over_600_lines() -> None:
    long = [
        str(file.relative_to(SOURCE))
        for file in (SOURCE / "src").rglob("*")
        if file.suffix in {".cc", ".h", ".rs"} and len(file.read_text().splitlines()) > 600
    ]
    assert not long, long
