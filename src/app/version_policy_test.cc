#include "app/version_policy.h"

#include "app/config.h"
#include "app/model_settings.h"
#include "base/test_folder.h"

namespace weir::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(VersionPolicy, ChoosesAmongWhatIsPresent) {
  const std::vector<VersionNumber> present = {12, 7, 3, 1};
  EXPECT_THAT(VersionPolicy().Choose(present), ElementsAre(12));
  EXPECT_THAT(ParseVersionPolicy("latest 2")->Choose(present), ElementsAre(12, 7));
  EXPECT_THAT(ParseVersionPolicy("latest 9")->Choose(present), ElementsAre(12, 7, 3, 1));
  EXPECT_THAT(ParseVersionPolicy("all")->Choose(present), ElementsAre(12, 7, 3, 1));
  EXPECT_THAT(ParseVersionPolicy("listed 1 7 8")->Choose(present), ElementsAre(7, 1));
  EXPECT_THAT(ParseVersionPolicy("listed 8")->Choose(present), IsEmpty());
  EXPECT_THAT(ParseVersionPolicy("listed 1")->Choose({0}), ElementsAre(0));  // of a folder without versions
}

TEST(VersionPolicy, IsShownAsItIsRead) {
  for (const char* text : {"latest 1", "latest 3", "listed 1 3", "all"}) {
    EXPECT_EQ(VersionPolicyText(*ParseVersionPolicy(text)), text);
  }
  for (const char* bad :
       {"", "latest", "latest 0", "latest x", "latest 1 2", "listed", "listed 0", "listed a", "all 3", "3"}) {
    EXPECT_FALSE(ParseVersionPolicy(bad)) << bad;
  }
}

class ModelSettingsTest : public ::testing::Test {
 protected:
  std::string Refusal(std::string_view yaml) {
    const Result<LoadedConfig> loaded = LoadConfig(ConfigSources{folder_.Write("weir.yaml", yaml), flags_});
    if (!loaded) return loaded.error().message;
    loaded_ = *loaded;
    return "accepted";
  }
  const TestFolder folder_;
  std::vector<ConfigFlag> flags_;
  LoadedConfig loaded_;
};

TEST_F(ModelSettingsTest, AreAMapOfMapsInAFile) {
  ASSERT_EQ(Refusal("versions: all\nmodel_settings:\n  minilm:\n    versions: latest 2\n    load: on-demand\n"
                    "  bge-m3.v2: {load: startup}\n"),
            "accepted");
  EXPECT_EQ(VersionPolicyText(loaded_.config.versions), "all");
  EXPECT_EQ(VersionPolicyText(*loaded_.config.model_settings["minilm"].versions), "latest 2");
  EXPECT_TRUE(*loaded_.config.model_settings["minilm"].on_demand);
  EXPECT_FALSE(*loaded_.config.model_settings["bge-m3.v2"].on_demand);
  EXPECT_FALSE(loaded_.config.model_settings["bge-m3.v2"].versions);
}

TEST_F(ModelSettingsTest, OfALaterSourceAreAddedToThoseOfAnEarlierOne) {
  flags_ = {{"model_settings", "m.load=on-demand,n.versions=all", "--set"}};
  ASSERT_EQ(Refusal("model_settings: {m: {versions: latest 2, load: startup}}\n"), "accepted");
  EXPECT_THAT(ModelSettingTexts(loaded_.config.model_settings),
              ElementsAre("m.load=on-demand", "m.versions=latest 2", "n.versions=all"));
  const std::string shown = ConfigYaml(loaded_, false);
  flags_.clear();
  ASSERT_EQ(Refusal(shown), "accepted");
  EXPECT_EQ(ConfigYaml(loaded_, false), shown);
}

TEST_F(ModelSettingsTest, ThatAreWrongAreNamedWithTheirLineAndTheNearestKey) {
  EXPECT_THAT(
      Refusal("model_settings:\n  m:\n    version: all\n"),
      HasSubstr("weir.yaml:3: model_settings: unknown setting 'version' of model 'm' (did you mean 'versions'?)"));
  EXPECT_THAT(Refusal("model_settings:\n  m:\n    load: never\n"),
              HasSubstr("weir.yaml:3: model_settings: m.load: 'never' is none of startup, on-demand"));
  EXPECT_THAT(Refusal("model_settings:\n  m: all\n"), HasSubstr("weir.yaml:2: 'model_settings' takes the settings of"));
  EXPECT_THAT(Refusal("model_settings: [m=all]\n"), HasSubstr("'m=all' is not of the form NAME.SETTING=VALUE"));
  EXPECT_THAT(Refusal("model_settings: {'a b': {load: startup}}\n"), HasSubstr("'a b' is no name for a model"));
  EXPECT_THAT(Refusal("versions: newest\n"), HasSubstr("weir.yaml:1: versions: 'newest' is not a value such as"));
}

}  // namespace
}  // namespace weir::app
