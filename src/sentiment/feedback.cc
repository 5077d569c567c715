#include "sentiment/feedback.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <utility>

#include "base/ids.h"
#include "base/mutex.h"

namespace weir::sentiment {
namespace {

constexpr char kTable[] =
    "CREATE TABLE IF NOT EXISTS feedback (id INTEGER PRIMARY KEY AUTOINCREMENT, received_at TEXT NOT NULL, "
    "prediction_id TEXT NOT NULL, text TEXT, corrected_label TEXT NOT NULL, score REAL, user_id TEXT, comments TEXT);"
    "CREATE INDEX IF NOT EXISTS feedback_of_prediction ON feedback (prediction_id);";
constexpr char kAdd[] =
    "INSERT INTO feedback (received_at, prediction_id, text, corrected_label, score, user_id, comments) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr char kForget[] = "DELETE FROM feedback WHERE id <= (SELECT max(id) FROM feedback) - ?";
constexpr char kFind[] =
    "SELECT received_at, prediction_id, text, corrected_label, score, user_id, comments FROM feedback "
    "WHERE ?1 IS NULL OR prediction_id = ?1 ORDER BY id DESC LIMIT ?2";
constexpr int kPatienceMs = 5000;  // for another process that has the file

using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

void Bind(sqlite3_stmt* statement, int place, const std::optional<std::string>& text) {
  if (!text) {
    sqlite3_bind_null(statement, place);
  } else {
    sqlite3_bind_text64(statement, place, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}

std::optional<std::string> TextAt(sqlite3_stmt* statement, int column) {
  if (sqlite3_column_type(statement, column) == SQLITE_NULL) return std::nullopt;
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
}

class SqliteStore final : public FeedbackStore {
 public:
  SqliteStore(std::filesystem::path file, std::size_t most) : file_(std::move(file)), most_(most) {}
  ~SqliteStore() override { sqlite3_close(database_); }

  Status Open() {
    const MutexLock lock(mu_);
    std::error_code ignored;
    if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), ignored);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(file_.c_str(), &database_, flags, nullptr) != SQLITE_OK) return Failed();
    sqlite3_busy_timeout(database_, kPatienceMs);
    // A write-ahead log that is synced with each entry: what was accepted survives a loss of power.
    for (const char* sql : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", kTable}) {
      if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Failed();
    }
    return {};
  }

  Status Add(const Feedback& feedback) override {
    const MutexLock lock(mu_);
    const Statement add = Prepare(kAdd);
    if (!add) return Failed();
    Bind(add.get(), 1, UtcNow());
    Bind(add.get(), 2, feedback.prediction_id);
    Bind(add.get(), 3, feedback.text);
    Bind(add.get(), 4, feedback.corrected_label);
    if (feedback.score) sqlite3_bind_double(add.get(), 5, *feedback.score);
    Bind(add.get(), 6, feedback.user_id);
    Bind(add.get(), 7, feedback.comments);
    if (sqlite3_step(add.get()) != SQLITE_DONE) return Failed();
    const Statement forget = Prepare(kForget);
    if (!forget) return Failed();
    sqlite3_bind_int64(forget.get(), 1, static_cast<sqlite3_int64>(most_));
    return sqlite3_step(forget.get()) == SQLITE_DONE ? Status() : Failed();
  }

  Result<std::vector<Feedback>> Find(const std::optional<std::string>& prediction_id, std::size_t most) override {
    const MutexLock lock(mu_);
    const Statement find = Prepare(kFind);
    if (!find) return std::unexpected(Failed().error());
    Bind(find.get(), 1, prediction_id);
    sqlite3_bind_int64(find.get(), 2, static_cast<sqlite3_int64>(most));
    std::vector<Feedback> found;
    int state = sqlite3_step(find.get());
    for (; state == SQLITE_ROW; state = sqlite3_step(find.get())) {
      Feedback one{.prediction_id = TextAt(find.get(), 1).value_or(""),
                   .text = TextAt(find.get(), 2),
                   .corrected_label = TextAt(find.get(), 3).value_or("")};
      if (sqlite3_column_type(find.get(), 4) != SQLITE_NULL) one.score = sqlite3_column_double(find.get(), 4);
      one.user_id = TextAt(find.get(), 5);
      one.comments = TextAt(find.get(), 6);
      one.received_at = TextAt(find.get(), 0).value_or("");
      found.push_back(std::move(one));
    }
    if (state != SQLITE_DONE) return std::unexpected(Failed().error());
    return found;
  }

 private:
  Statement Prepare(const char* sql) REQUIRES(mu_) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr);
    return {statement, sqlite3_finalize};
  }

  Status Failed() const REQUIRES(mu_) {
    return Fail(Code::kUnavailable, fmt::format("{}: {}", file_.string(), sqlite3_errmsg(database_)));
  }

  const std::filesystem::path file_;
  const std::size_t most_;
  Mutex mu_;
  sqlite3* database_ GUARDED_BY(mu_) = nullptr;
};

}  // namespace

Result<std::unique_ptr<FeedbackStore>> FeedbackStore::Open(const std::filesystem::path& file, std::size_t most) {
  auto store = std::make_unique<SqliteStore>(file, most);
  Status opened = store->Open();
  if (!opened) return Forward(opened);
  return store;
}

}  // namespace weir::sentiment
