#include "app/config.h"

#include <algorithm>
#include <cstdlib>

#include "app/profiles.h"
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

class SourcesTest : public ::testing::Test {
 protected:
  void SetUp() override { ::unsetenv("WEIR_SOURCE_DIR"); }  // ctest's own
  void TearDown() override {
    for (const char* name : {"WEIR_PROFILE", "WEIR_DRAIN_DEADLINE", "WEIR_SERVER_PROT"}) ::unsetenv(name);
  }
  LoadedConfig Load(std::string_view yaml, std::vector<ConfigFlag> flags = {}) {
    Result<LoadedConfig> loaded = LoadConfig(ConfigSources{folder_.Write("weir.yaml", yaml), std::move(flags)});
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? *loaded : LoadedConfig{};
  }
  std::string Refusal(std::vector<ConfigFlag> flags) {
    const Result<LoadedConfig> loaded = LoadConfig(ConfigSources{"", std::move(flags)});
    return loaded ? "accepted" : loaded.error().message;
  }
  const TestFolder folder_;
};

TEST_F(SourcesTest, EachSourceIsOverTheOneBefore) {
  EXPECT_EQ(Load("").config.drain_deadline, seconds(10));
  EXPECT_EQ(Load("profile: production\n").config.drain_deadline, seconds(30));
  EXPECT_EQ(Load("drain: {deadline: 3s}\nprofile: production\n").config.drain_deadline, seconds(3));
  ::setenv("WEIR_DRAIN_DEADLINE", "4s", 1);
  const LoadedConfig loaded = Load("drain: {deadline: 3s}\nprofile: production\n");
  EXPECT_EQ(loaded.config.drain_deadline, seconds(4));
  EXPECT_EQ(loaded.origins.at("drain.deadline"), "environment WEIR_DRAIN_DEADLINE");
  EXPECT_EQ(loaded.origins.at("server.address"), "profile production");
  EXPECT_EQ(loaded.origins.at("profile"), (folder_.path() / "weir.yaml").string() + ":2");
  EXPECT_EQ(loaded.origins.at("workers"), "default");
  EXPECT_EQ(Load("", {{"drain.deadline", "5s", "--set x"}}).config.drain_deadline, seconds(5));
  EXPECT_EQ(Load("", {{"drain.deadline", "5s", "--set x"}}).origins.at("drain.deadline"), "--set x");
}

TEST_F(SourcesTest, TheProfileOfAFlagReplacesThoseOfEnvironmentAndFile) {
  ::setenv("WEIR_PROFILE", "staging", 1);
  EXPECT_THAT(Load("profile: production\n").config.profiles, ::testing::ElementsAre("staging"));
  const LoadedConfig loaded = Load("profile: production\n", {{"profile", "local", "--profile"}});
  EXPECT_THAT(loaded.config.profiles, ::testing::ElementsAre("local"));
  EXPECT_EQ(loaded.config.drain_deadline, seconds(2));
}

TEST_F(SourcesTest, RefusesAProfileThatIsUnknownTwiceThereOrASecondStage) {
  EXPECT_THAT(Refusal({{"profile", "prodution", "--profile"}}),
              ::testing::AllOf(HasSubstr("--profile: there is no profile 'prodution' (did you mean 'production'?)"),
                               HasSubstr("local, development, staging, production")));
  EXPECT_THAT(Refusal({{"profile", "local,local", "--profile"}}), HasSubstr("named twice"));
  EXPECT_THAT(Refusal({{"profile", "local,staging", "--profile"}}), HasSubstr("exclude each other"));
}

TEST_F(SourcesTest, FindsEveryProblemAtOnce) {
  ::setenv("WEIR_SERVER_PROT", "1", 1);
  const auto file = folder_.Write("weir.yaml", "workers: none\nserver:\n  adress: x\ndeadline: {default: 2h}\n");
  std::string all;
  for (const Error& problem : FindProblems({.file = file, .flags = {}})) all += problem.message + "\n";
  EXPECT_THAT(all, HasSubstr("weir.yaml:1: workers: 'none'"));
  EXPECT_THAT(all, HasSubstr("weir.yaml:3: unknown setting 'server.adress' (did you mean 'server.address'?)"));
  EXPECT_THAT(all, HasSubstr("deadline.default is longer than deadline.max"));
  EXPECT_THAT(all, HasSubstr("WEIR_SERVER_PROT is no setting (did you mean 'WEIR_SERVER_PORT'?)"));
  EXPECT_EQ(std::ranges::count(all, '\n'), 4);
}

TEST_F(SourcesTest, AnEmptySectionIsNoMistake) { EXPECT_EQ(Load("server:\n").config.server.port, 8000); }

TEST_F(SourcesTest, WhatIsShownReadsBackAsTheSame) {
  LoadedConfig loaded = Load("models: [a, 'b: c']\nprofile: staging\nworkers: 3\ndefault_model: '#x'\n");
  for (const bool origins : {false, true}) {
    EXPECT_EQ(ConfigYaml(Load(ConfigYaml(loaded, origins)), false), ConfigYaml(loaded, false));
  }
}

TEST_F(SourcesTest, TheTemplateChangesNothingAndItsLinesAreTheDefaults) {
  const std::string defaults = ConfigYaml(Load(""), false);
  std::string text = ConfigTemplate();
  EXPECT_EQ(ConfigYaml(Load(text), false), defaults);
  std::size_t settings = 0;
  for (std::size_t at = 0; (at = text.find('#', at)) != std::string::npos; ++at) {
    if (at + 1 < text.size() && text[at + 1] == ' ') {
      at = text.find('\n', at);  // words
    } else {
      text.erase(at, 1);
      ++settings;
    }
  }
  EXPECT_EQ(settings, ListOptions().size());
  EXPECT_EQ(ConfigYaml(Load(text), false), defaults);
}

TEST_F(SourcesTest, EveryProfileCanBeLoaded) {
  for (const Profile& profile : AllProfiles()) {
    const std::string name(profile.name);
    EXPECT_EQ(Refusal({{"profile", name, "--profile"}}), "accepted") << name;
  }
}

TEST(Units, AreShownAsTheyAreRead) {
  EXPECT_EQ(DurationText(seconds(7200)), "2h");
  EXPECT_EQ(DurationText(seconds(300)), "5m");
  EXPECT_EQ(DurationText(seconds(75)), "75s");
  EXPECT_EQ(DurationText(milliseconds(1500)), "1500ms");
  EXPECT_EQ(DurationText(seconds(0)), "0s");
  EXPECT_EQ(SizeText(std::uint64_t{3} << 30U), "3GiB");
  EXPECT_EQ(SizeText(1536U << 10), "1536KiB");
  EXPECT_EQ(SizeText(1000), "1000");
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
