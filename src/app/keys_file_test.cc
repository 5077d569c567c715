#include "app/keys_file.h"

#include "base/test_folder.h"

namespace weir::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc"

class KeysFile : public ::testing::Test {
 protected:
  Result<std::vector<access::Key>> Read(const std::string& text) {
    folder_.Write("keys.yaml", text);
    return ReadKeysFile(folder_.path() / "keys.yaml");
  }
  std::string Refusal(const std::string& text) {
    const auto read = Read(text);
    return read ? "it was read" : read.error().message;
  }
  static std::string Entry(const std::string& more) {
    return fmt::format("- name: web\n  sha256: {}\n  scopes: [infer]\n{}", kHash, more);
  }

  TestFolder folder_;
};

TEST_F(KeysFile, HasEverythingThatAKeyMayHave) {
  const auto keys =
      Read(Entry("  priority: bulk\n  requests_per_second: 2.5\n  concurrent: 8\n"
                 "- {name: ops, key_file: secret, scopes: [admin, metrics]}\n"));
  ASSERT_FALSE(keys);
  EXPECT_THAT(keys.error().message, AllOf(HasSubstr("keys.yaml:7"), HasSubstr("secret cannot be read")));
  folder_.Write("secret", "0123456789abcdef\n");
  const auto again =
      Read(Entry("  priority: bulk\n  requests_per_second: 2.5\n  concurrent: 8\n"
                 "- {name: ops, key_file: secret, scopes: [admin, metrics]}\n"));
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 2U);
  EXPECT_EQ((*again)[0].hash, access::HashOfKey("abc"));
  EXPECT_EQ((*again)[0].priority, Priority::kBulk);
  EXPECT_EQ((*again)[0].requests_per_second, 2.5);
  EXPECT_EQ((*again)[0].concurrent, 8U);
  EXPECT_EQ((*again)[1].hash, access::HashOfKey("0123456789abcdef"));
  EXPECT_THAT((*again)[1].scopes, ElementsAre(access::Scope::kAdmin, access::Scope::kMetrics));
  EXPECT_EQ(FoldersOfKeys(folder_.path() / "keys.yaml").size(), 1U);
}

TEST_F(KeysFile, IsRefusedWithTheLineOfWhatIsWrong) {
  EXPECT_THAT(Refusal(Entry("  scope: [infer]\n")), AllOf(HasSubstr("keys.yaml:4"), HasSubstr("'scopes'")));
  EXPECT_THAT(Refusal(Entry("  priority: urgent\n")), AllOf(HasSubstr(":4: priority:"), HasSubstr("interactive")));
  EXPECT_THAT(Refusal(Entry("  concurrent: 0\n")), HasSubstr(":4: concurrent:"));
  EXPECT_THAT(Refusal(Entry("  requests_per_second: -1\n")), HasSubstr(":4: requests_per_second:"));
  EXPECT_THAT(Refusal(Entry("  requests_per_second: .nan\n")), HasSubstr(":4: requests_per_second:"));
  EXPECT_THAT(Refusal(Entry("  key_file: x\n")), HasSubstr("either 'sha256' or 'key_file'"));
  EXPECT_THAT(Refusal("- name: web\n  scopes: [infer]\n"), HasSubstr("neither 'sha256' nor 'key_file'"));
  EXPECT_THAT(Refusal(fmt::format("- name: web\n  sha256: {}\n", kHash)), HasSubstr("has no 'scopes'"));
  EXPECT_THAT(Refusal("- name: web\n  sha256: 12\n"), HasSubstr(":2: sha256: 64 hex digits"));
  EXPECT_THAT(Refusal(Entry("") + Entry("")), HasSubstr("two keys 'web'"));
  EXPECT_THAT(Refusal(Entry("") + fmt::format("- {{name: b, sha256: {}, scopes: [admin]}}\n", kHash)),
              HasSubstr("'web' and 'b' are the same"));
  EXPECT_THAT(Refusal(Entry("") + "- web\n"), HasSubstr(":4: the fields of a key"));
  EXPECT_THAT(Refusal("name: web\n"), HasSubstr("a list of keys"));
  EXPECT_THAT(Refusal("[]"), HasSubstr("a list of keys"));
  EXPECT_THAT(Refusal(""), HasSubstr("a list of keys"));
  EXPECT_THAT(Refusal("- [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(ReadKeysFile(folder_.path()).error().message, HasSubstr("cannot be read"));
}

TEST_F(KeysFile, TakesBackTheEntryThatIsMadeForIt) {
  const access::Key key{.name = "a: b",
                        .hash = access::HashOfKey("abc"),
                        .scopes = {access::Scope::kInfer, access::Scope::kAdmin},
                        .priority = Priority::kInteractive,
                        .requests_per_second = 0.25,
                        .concurrent = 3};
  const auto keys = Read(KeyEntry(key) + Entry(""));
  ASSERT_FALSE(keys);  // the same hash twice
  const auto one = Read(KeyEntry(key));
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ((*one)[0].name, "a: b");
  EXPECT_EQ((*one)[0].scopes, key.scopes);
  EXPECT_EQ((*one)[0].priority, Priority::kInteractive);
  EXPECT_EQ((*one)[0].requests_per_second, 0.25);
  EXPECT_EQ((*one)[0].concurrent, 3U);
}

TEST_F(KeysFile, DoesNotShowAKeyThatIsRefused) {
  EXPECT_EQ(ParseApiKey("sha256:" + std::string(kHash)).value(), access::HashOfKey("abc"));
  EXPECT_EQ(ParseApiKey("0123456789abcdef").value(), access::HashOfKey("0123456789abcdef"));
  EXPECT_THAT(ParseApiKey("sesame").error().message, AllOf(HasSubstr("16 to"), Not(HasSubstr("sesame"))));
  EXPECT_THAT(ParseApiKey("a key with spaces").error().message, HasSubstr("printable"));
}

}  // namespace
}  // namespace weir::app
