#include "app/config.h"

#include <cstdlib>

#include "app/units.h"
#include "base/test_folder.h"

namespace weir::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  std::string Refusal(std::string_view yaml) {
    const Status status = LoadConfig(folder_.Write("weir.yaml", yaml), config_);
    return status ? "accepted" : status.error().message;
  }
  const TestFolder folder_;
  Config config_;
};

TEST_F(ConfigTest, ReadsSettingsOfEachKind) {
  ASSERT_EQ(Refusal("server:\n  port: 9000\n  max_body: 10MiB\n  read_timeout: 250ms\n"
                    "models: [a, b]\ndefault_model: minilm\nlog.level: warn\n"),
            "accepted");
  EXPECT_EQ(config_.server.port, 9000);
  EXPECT_EQ(config_.server.max_body_bytes, 10U << 20);
  EXPECT_EQ(config_.server.read_timeout, milliseconds(250));
  EXPECT_THAT(config_.models, ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(config_.default_model, "minilm");
  EXPECT_EQ(config_.log_level, "warn");
}

TEST_F(ConfigTest, AnEmptyFileChangesNothing) { EXPECT_EQ(Refusal(""), "accepted"); }

TEST_F(ConfigTest, NamesFileLineAndNearestKeyOfAnUnknownSetting) {
  EXPECT_THAT(Refusal("server:\n  port: 9000\n  adress: 127.0.0.1\n"),
              HasSubstr("weir.yaml:3: unknown setting 'server.adress' (did you mean 'server.address'?)"));
  EXPECT_THAT(Refusal("modells: x\n"), HasSubstr("weir.yaml:1: unknown setting 'modells' (did you mean 'models'?)"));
}

TEST_F(ConfigTest, NamesTheLineOfAWrongValue) {
  EXPECT_THAT(Refusal("\nserver:\n  port: many\n"),
              HasSubstr("weir.yaml:3: server.port: 'many' is not a whole number from 0 to 65535"));
  EXPECT_THAT(Refusal("server: 5\n"), HasSubstr("weir.yaml:1: 'server' is a section"));
  EXPECT_THAT(Refusal("server:\n  port: [1]\n"), HasSubstr("weir.yaml:2: 'server.port' takes one value"));
  EXPECT_THAT(Refusal("log:\n  level: loud\n"), HasSubstr("'loud' is none of debug, info"));
  EXPECT_THAT(Refusal("drain:\n  deadline: 10\n"), HasSubstr("'10' is not a value such as 250ms"));
}

TEST_F(ConfigTest, RefusesAValueThatNobodyCanMean) {
  EXPECT_THAT(Refusal("server:\n  max_header: 4GiB\n"), HasSubstr("'4GiB' is not from 256 to 16MiB"));
  EXPECT_THAT(Refusal("server:\n  max_body: 0\n"), HasSubstr("'0' is not from 1 to"));
  EXPECT_THAT(Refusal("deadline:\n  max: 0s\n"), HasSubstr("'0s' is not from 1ms"));
}

TEST_F(ConfigTest, RefusesASettingThatIsThereTwice) {
  EXPECT_THAT(Refusal("workers: 1\nworkers: 2\n"), HasSubstr("weir.yaml:2: 'workers' is set twice"));
}

TEST_F(ConfigTest, RefusesWhatIsNotYaml) {
  EXPECT_THAT(Refusal("server: [1,\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(Refusal("- a\n- b\n"), HasSubstr("settings are expected"));
  const Status missing = LoadConfig("/no/such.yaml", config_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/no/such.yaml: the configuration file cannot be read"));
}

TEST_F(ConfigTest, TheEnvironmentIsOverTheFile) {
  ::setenv("WEIR_SERVER_PORT", "9001", 1);
  ::setenv("WEIR_MODELS", "x:y", 1);
  const std::string outcome = Refusal("server:\n  port: 9000\nmodels: z\n");
  ::unsetenv("WEIR_SERVER_PORT");
  ::unsetenv("WEIR_MODELS");
  ASSERT_EQ(outcome, "accepted");
  EXPECT_EQ(config_.server.port, 9001);
  EXPECT_THAT(config_.models, ::testing::ElementsAre("x", "y"));
}

TEST_F(ConfigTest, NamesTheVariableOfAWrongValue) {
  ::setenv("WEIR_WORKERS", "0", 1);
  const std::string outcome = Refusal("");
  ::unsetenv("WEIR_WORKERS");
  EXPECT_EQ(outcome, "WEIR_WORKERS: '0' is not a whole number from 1 to 1024");
}

TEST_F(ConfigTest, EveryOptionCanBeSetToItsDefault) {
  for (const OptionInfo& option : ListOptions()) {
    if (option.key == "models") continue;
    const Status set = SetOption(option.key, option.fallback, "test", config_);
    EXPECT_TRUE(set) << option.key << ": " << set.error().message;
  }
}

TEST(Units, ReadDurationsAndSizes) {
  EXPECT_EQ(*ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(*ParseDuration("2m"), seconds(120));
  EXPECT_EQ(*ParseSize("64MiB"), 64U << 20);
  EXPECT_EQ(*ParseSize("10KB"), 10'000U);
  EXPECT_EQ(*ParseSize("17"), 17U);
  for (const char* bad : {"", "5", "s", "-1s", "1.5s", "5 s", "99999999999999999999s", "5d"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
  for (const char* bad : {"", "-1", "MiB", "1.5MiB", "18446744073709551615GiB", "5mb"})
    EXPECT_FALSE(ParseSize(bad)) << bad;
}

}  // namespace
}  // namespace weir::app
