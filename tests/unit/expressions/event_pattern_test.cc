// Event patterns: what they match.
#include "expressions/event_pattern.h"

#include <gmock/gmock.h>

namespace hearth::expressions {
namespace {

using base::Json;

struct Row {
  const char* pattern;
  const char* event;
  bool matches;
};

void Check(std::span<const Row> rows) {
  for (const Row& row : rows) {
    const auto pattern = EventPattern::Parse(row.pattern);
    ASSERT_TRUE(pattern) << row.pattern << ": " << pattern.error();
    const auto event = base::ParseJson(row.event);
    ASSERT_TRUE(event) << row.event;
    EXPECT_EQ(pattern->Matches(*event), row.matches) << row.pattern << " of " << row.event;
  }
}

TEST(EventPattern, ComparesValuesAsAwsDoes) {
  const Row rows[] = {
      {R"({"a":["x"]})", R"({"a":"x"})", true},
      {R"({"a":["x","y"]})", R"({"a":"y"})", true},
      {R"({"a":["x"]})", R"({"a":"X"})", false},
      {R"({"a":["x"]})", R"({"A":"x"})", false},
      {R"({"a":[""]})", R"({"a":""})", true},
      {R"({"a":[""]})", R"({"a":null})", false},
      {R"({"a":[null]})", R"({"a":null})", true},
      {R"({"a":[null]})", R"({})", false},
      {R"({"a":[null]})", R"({"a":"null"})", false},
      {R"({"a":[true]})", R"({"a":true})", true},
      {R"({"a":[true]})", R"({"a":"true"})", false},
      {R"({"a":[false]})", R"({"a":true})", false},
      {R"({"a":[300]})", R"({"a":300.0})", true},
      {R"({"a":[3.0e2]})", R"({"a":300})", true},
      {R"({"a":["300"]})", R"({"a":300})", false},
      {R"({"a":[300]})", R"({"a":"300"})", false},
      {R"({"a":[123456789012]})", R"({"a":123456789012})", true},
      {R"({"a":[123456789012]})", R"({"a":123456789013})", false},
      {R"({"a":[0.1]})", R"({"a":0.1})", true},
      {R"({"a":[{"exactly":"x"}]})", R"({"a":"x"})", true},
      // An address is the same however it is written.
      {R"({"a":["::1"]})", R"({"a":"0:0:0:0:0:0:0:1"})", true},
      {R"({"a":["10.0.0.1"]})", R"({"a":"10.0.0.1"})", true},
      {R"({"a":["10.0.0.1"]})", R"({"a":"10.0.0.2"})", false},
      {R"({"a":["10.0.0.999"]})", R"({"a":"10.0.0.999"})", true},
  };
  Check(rows);
}

TEST(EventPattern, ComparesTextsAsItsOperatorsSay) {
  const Row rows[] = {
      {R"({"a":[{"prefix":"us-"}]})", R"({"a":"us-east-1"})", true},
      {R"({"a":[{"prefix":"us-"}]})", R"({"a":"eu-us-1"})", false},
      {R"({"a":[{"prefix":""}]})", R"({"a":"x"})", true},
      {R"({"a":[{"prefix":"1"}]})", R"({"a":12})", false},
      {R"({"a":[{"prefix":{"equals-ignore-case":"EventB"}}]})", R"({"a":"EVENTBridge"})", true},
      {R"({"a":[{"prefix":{"equals-ignore-case":"EventB"}}]})", R"({"a":"anEvent"})", false},
      {R"({"a":[{"suffix":".png"}]})", R"({"a":"x.png"})", true},
      {R"({"a":[{"suffix":".png"}]})", R"({"a":"x.PNG"})", false},
      {R"({"a":[{"suffix":{"equals-ignore-case":".png"}}]})", R"({"a":"x.PNG"})", true},
      {R"({"a":[{"equals-ignore-case":"alice"}]})", R"({"a":"ALICE"})", true},
      {R"({"a":[{"equals-ignore-case":"ÄRGER ДА ŁÓDŹ"}]})", R"({"a":"ärger да łódź"})", true},
      {R"({"a":[{"equals-ignore-case":"alice"}]})", R"({"a":"ALICES"})", false},
      {R"({"a":[{"equals-ignore-case":""}]})", R"({"a":""})", true},
      {R"({"a":[{"equals-ignore-case":""}]})", R"({"a":"x"})", false},
      {R"({"a":[{"wildcard":"dir/*.png"}]})", R"({"a":"dir/a/b.png"})", true},
      {R"({"a":[{"wildcard":"dir/*.png"}]})", R"({"a":"dir/.png"})", true},
      {R"({"a":[{"wildcard":"dir/*.png"}]})", R"({"a":"dir.png"})", false},
      {R"({"a":[{"wildcard":"*"}]})", R"({"a":""})", true},
      {R"({"a":[{"wildcard":"*"}]})", R"({"a":1})", false},
      {R"({"a":[{"wildcard":"ab*ba"}]})", R"({"a":"aba"})", false},
      {R"({"a":[{"wildcard":"a*b*c"}]})", R"({"a":"a-c-b-c"})", true},
      {R"({"a":[{"wildcard":"a*b*c"}]})", R"({"a":"a-c-c"})", false},
      {R"({"a":[{"wildcard":"a\\**"}]})", R"({"a":"a*b"})", true},
      {R"({"a":[{"wildcard":"a\\**"}]})", R"({"a":"ab"})", false},
      {R"({"a":[{"wildcard":"a\\\\*"}]})", R"({"a":"a\\b"})", true},
      {R"({"a":[{"wildcard":""}]})", R"({"a":""})", true},
      {R"({"a":[{"wildcard":"/Users/*/dir/dir/dir/dir/dir/doc.txt"}]})",
       R"({"a":"/Users/ls_user/dir/dir/dir/dir/dir/doc.txt"})", true},
  };
  Check(rows);
}

TEST(EventPattern, TakesAnythingBut) {
  const Row rows[] = {
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":"y"})", true},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":"x"})", false},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":null})", true},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":1})", true},
      {R"({"a":[{"anything-but":"x"}]})", R"({})", false},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":[]})", false},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":["x","y"]})", true},
      {R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":"y"})", false},
      {R"({"a":[{"anything-but":123}]})", R"({"a":123.0})", false},
      {R"({"a":[{"anything-but":123}]})", R"({"a":"123"})", true},
      {R"({"a":[{"anything-but":0}]})", R"({"a":"1"})", true},
      {R"({"a":[{"anything-but":[100,200]}]})", R"({"a":200})", false},
      {R"({"a":[{"anything-but":[100,200]}]})", R"({"a":9e9})", true},
      {R"({"a":[{"anything-but":{"prefix":"init"}}]})", R"({"a":"initial"})", false},
      {R"({"a":[{"anything-but":{"prefix":["init","test"]}}]})", R"({"a":"testing"})", false},
      {R"({"a":[{"anything-but":{"prefix":["init","test"]}}]})", R"({"a":12})", true},
      {R"({"a":[{"anything-but":{"prefix":["init","test"]}}]})", R"({"a":null})", true},
      {R"({"a":[{"anything-but":{"suffix":".txt"}}]})", R"({"a":"a.txt"})", false},
      {R"({"a":[{"anything-but":{"suffix":[".txt",".rtf"]}}]})", R"({"a":"a.doc"})", true},
      {R"({"a":[{"anything-but":{"equals-ignore-case":"X"}}]})", R"({"a":"x"})", false},
      {R"({"a":[{"anything-but":{"equals-ignore-case":["X","Y"]}}]})", R"({"a":"z"})", true},
      {R"({"a":[{"anything-but":{"wildcard":"*/lib/*"}}]})", R"({"a":"a/lib/b"})", false},
      {R"({"a":[{"anything-but":{"wildcard":["*/lib/*","*/bin/*"]}}]})", R"({"a":"a/bin/b"})",
       false},
      {R"({"a":[{"anything-but":{"wildcard":"*/lib/*"}}]})", R"({"a":12})", true},
      {R"({"a":[{"anything-but":{"wildcard":""}}]})", R"({"a":"dir/init/file"})", true},
  };
  Check(rows);
}

TEST(EventPattern, ComparesNumbersInMillionths) {
  const Row rows[] = {
      {R"({"a":[{"numeric":["=",3.018e2]}]})", R"({"a":301.8})", true},
      {R"({"a":[{"numeric":["=",5]}]})", R"({"a":"5"})", false},
      {R"({"a":[{"numeric":["=",5]}]})", R"({"a":null})", false},
      {R"({"a":[{"numeric":[">",0,"<=",5]}]})", R"({"a":5})", true},
      {R"({"a":[{"numeric":[">",0,"<=",5]}]})", R"({"a":0})", false},
      {R"({"a":[{"numeric":[">",0,"<=",5]}]})", R"({"a":0.000001})", true},
      {R"({"a":[{"numeric":[">",0,"<=",5]}]})", R"({"a":0.0000001})", false},
      {R"({"a":[{"numeric":[">=",100,"<",200]}]})", R"({"a":199.999999})", true},
      {R"({"a":[{"numeric":[">=",100,"<",200]}]})", R"({"a":200})", false},
      {R"({"a":[{"numeric":["<",-1]}]})", R"({"a":-5000000000})", true},
      {R"({"a":[{"numeric":["<",-1]}]})", R"({"a":-5000000001})", false},
      {R"({"a":[{"numeric":[">",1]}]})", R"({"a":1e300})", false},
      {R"({"a":[{"numeric":[">=",5000000000]}]})", R"({"a":5e9})", true},
      {R"({"a":[{"numeric":[">",5000000000]}]})", R"({"a":5e9})", false},
  };
  Check(rows);
}

TEST(EventPattern, ComparesAddresses) {
  const Row rows[] = {
      {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"10.0.0.255"})", true},
      {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"10.0.1.0"})", false},
      {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"xx"})", false},
      {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":10})", false},
      {R"({"a":[{"cidr":"0.0.0.0/0"}]})", R"({"a":"255.255.255.255"})", true},
      {R"({"a":[{"cidr":"10.0.0.7/31"}]})", R"({"a":"10.0.0.6"})", false},
      {R"({"a":[{"cidr":"2001:db8:1234:1a00::/64"}]})", R"({"a":"2001:db8:1234:1a00::ff"})", true},
      {R"({"a":[{"cidr":"2001:db8:1234:1a00::/64"}]})", R"({"a":"2001:db8:1234:1a01::"})", false},
      {R"({"a":[{"cidr":"::/0"}]})", R"({"a":"10.0.0.1"})", false},
      {R"({"a":[{"cidr":"10.0.0.0/8"}]})", R"({"a":"::ffff:a01:203"})", true},
  };
  Check(rows);
}

TEST(EventPattern, AsksWhetherALeafIsThere) {
  const Row rows[] = {
      {R"({"a":[{"exists":true}]})", R"({"a":null})", true},
      {R"({"a":[{"exists":true}]})", R"({})", false},
      {R"({"a":[{"exists":true}]})", R"({"a":{"b":1}})", false},
      {R"({"a":[{"exists":true}]})", R"({"a":[]})", false},
      {R"({"a":[{"exists":false}]})", R"({"a":[]})", true},
      {R"({"a":[{"exists":false}]})", R"({"a":{}})", true},
      {R"({"a":[{"exists":false}]})", R"({"a":{"b":1}})", true},
      {R"({"a":[{"exists":false}]})", R"({"a":0})", false},
      {R"({"a":{"b":[{"exists":false}]}})", R"({"a":1})", true},
      {R"({"a":{"b":[{"exists":false}]}})", R"({"a":[{"b":1},{"c":1}]})", false},
      {R"({"a":["x",{"exists":false}]})", R"({})", true},
      {R"({"a":[{"anything-but":["roses"]},{"exists":false}]})", R"({"a":"roses"})", false},
      {R"({"a":[{"exists":true},{"prefix":"no"}]})", R"({"a":"yes"})", true},
  };
  Check(rows);
}

TEST(EventPattern, AsksOneObjectOfAListForEverything) {
  const Row rows[] = {
      {R"({"a":["x"]})", R"({"a":["w","x"]})", true},
      {R"({"a":["x"]})", R"({"a":[]})", false},
      {R"({"a":[null]})", R"({"a":[]})", false},
      {R"({"a":["x"]})", R"({"a":[["w"],["x"]]})", true},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[{"b":1,"c":2},{"b":0}]})", true},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[{"b":1},{"c":2}]})", false},
      {R"({"a":{"b":[1]}})", R"({"a":[[{"b":0}],[{"b":1}]]})", true},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[[{"b":1}],[{"c":2}]]})", false},
      {R"({"a":{"b":{"d":[1]},"c":[2]}})", R"({"a":[{"b":[{"d":0},{"d":1}],"c":2}]})", true},
      {R"({"a":{"b":{"d":[1],"e":[1]},"c":[2]}})", R"({"a":[{"b":[{"d":1},{"e":1}],"c":2}]})",
       false},
      // What must not be there is looked for first, in all of them, or then in the one that is
      // found: in the order of the names, as AWS has it.
      {R"({"a":{"b":[1],"z":[{"exists":false}]}})", R"({"a":[{"b":1},{"b":2,"z":1}]})", true},
      {R"({"a":{"b":[1],"aa":[{"exists":false}]}})", R"({"a":[{"b":1},{"b":2,"aa":1}]})", false},
      // Also within lists of lists, and below an object that is chosen by then.
      {R"({"a":{"b":[1],"aa":[{"exists":false}]}})", R"({"a":[[{"b":1}],[{"aa":1}]]})", false},
      {R"({"a":{"b":[1],"z":[{"exists":false}]}})", R"({"a":[[{"b":1}],[{"z":1}]]})", true},
      {R"({"a":{"b":[1],"c":{"b":[{"exists":false}],"d":[2]}}})",
       R"({"a":[{"b":1,"c":[[{"d":2}],{"b":3}]}]})", false},
      {R"({"a":{"b":[1],"c":{"b":[{"exists":false}],"d":[2]}}})",
       R"({"a":[{"b":1,"c":[[{"d":2}]]},{"c":[{"b":3}]}]})", true},
      {R"({"a":{"c":{"b":[{"exists":false}],"d":[2]},"e":[1]}})",
       R"({"a":[{"e":1,"c":[[{"d":2}]]},{"c":[{"b":3}]}]})", false},
  };
  Check(rows);
}

TEST(EventPattern, TakesADottedNameForAPath) {
  const Row rows[] = {
      {R"({"a.b":["x"]})", R"({"a":{"b":"x"}})", true},
      {R"({"a":{"b":["x"]}})", R"({"a.b":"x"})", true},
      {R"({"a.b":{"c":["x"]}})", R"({"a":{"b.c":"x"}})", true},
      {R"({"a.b":["x"]})", R"({"a":{"b":"y"},"a.b":"x"})", true},
      {R"({"a.b":["x"]})", R"({"a.bc":"x","a-b":"x","ab":"x"})", false},
      {R"({"a":{"b":["x"],"c":["y"]}})", R"({"a-":1,"a":{"c":"y"},"a.b":"x"})", true},
      {R"({"a.":["x"]})", R"({"a":{"":"x"}})", true},
      {R"({"":["x"]})", R"({"":"x"})", true},
      {R"({"a":["x"],"a.b":["y"]})", R"({"a":["x",{"b":"y"}]})", true},
      {R"({"a":["x"],"a.b":["y"]})", R"({"a":[{"b":"y"}]})", false},
      {R"({"a":{"b":{"c":[1],"d":[2]}}})", R"({"a":[{"b":{"c":1}}],"a.b":[{"d":2}]})", true},
      // A leaf in a list is anybody's, and what is there is not absent.
      {R"({"a":["x"],"a.b":["y"]})", R"({"a":["w","x",[{"b":"z"}],[{"b":"y"}]]})", true},
      {R"({"a":["x"],"a.b":["y"]})", R"({"a":["w",["x"],{"b":"y"}]})", false},
      {R"({"a":["x"],"a.b":["y"]})", R"({"a":["w",["x",{"b":"y"}]]})", true},
      {R"({"a":["x"],"a.b":[{"exists":false}]})", R"({"a":["w","x"]})", true},
      {R"({"a":["x",{"exists":false}],"a.b":["y"]})", R"({"a":["w",{"b":"y"}]})", false},
      {R"({"a":["x",{"exists":false}],"a.b":["y"]})", R"({"a":["w",[{"b":"y"}]]})", false},
      {R"({"a":["x",{"exists":false}],"a.b":["y"]})", R"({"a":[[{"b":"y"}]]})", true},
      {R"({"a":[{"exists":false}],"a.b":["y"]})", R"({"a":[[1],{"b":"y"}]})", false},
  };
  Check(rows);
}

TEST(EventPattern, TakesOneOfAnOrsChoices) {
  const Row rows[] = {
      {R"({"$or":[{"a":[1]},{"b":[2]}]})", R"({"b":2})", true},
      {R"({"$or":[{"a":[1]},{"b":[2]}]})", R"({"b":1})", false},
      {R"({"$or":[{"a":[1]},{"b":[2]}],"c":[3]})", R"({"b":2})", false},
      {R"({"$or":[{"a":[1]},{"b":[2]}],"c":[3]})", R"({"a":1,"c":3})", true},
      {R"({"d":{"$or":[{"a":[1]},{"b":[2]}]}})", R"({"d":{"a":1}})", true},
      {R"({"d":{"$or":[{"a":[1]},{"$or":[{"b":[2]},{"c":[3]}]}]}})", R"({"d":{"c":3}})", true},
      {R"({"d":{"$or":[{"a":[1],"x":[1]},{"b":[2]}],"e":[5]}})", R"({"d":{"a":1,"e":5}})", false},
      {R"({"$or":[{"a":[{"exists":false}]},{"b":[2]}]})", R"({"a":1,"b":3})", false},
      // Two choices of one list's object each.
      {R"({"l":{"$or":[{"a":[1]},{"b":[2]}],"c":[3]}})", R"({"l":[{"a":1},{"b":2,"c":3}]})", true},
      // A field that is named twice is what was said last.
      {R"({"a":[1],"a":[2]})", R"({"a":1})", false},
      {R"({"a":[1],"a":[2]})", R"({"a":2})", true},
      {R"({"a":[1],"$or":[{"a":[2]},{"b":[3]}]})", R"({"a":2})", true},
  };
  Check(rows);
}

TEST(EventPattern, MatchesNothingButObjects) {
  const auto pattern = EventPattern::Parse(R"({"a":[{"exists":false}]})");
  ASSERT_TRUE(pattern);
  for (const char* event : {"1", "[]", "null", "\"a\"", "[{\"b\":1}]"}) {
    EXPECT_FALSE(pattern->Matches(*base::ParseJson(event))) << event;
  }
  EXPECT_TRUE(pattern->Matches(Json::object()));
}

TEST(EventPattern, FoldsWhatItComparesAndNoMore) {
  const Row rows[] = {
      {R"({"a":[{"prefix":{"equals-ignore-case":"ÄÖ"}}]})", R"({"a":"äöü"})", true},
      {R"({"a":[{"prefix":{"equals-ignore-case":"ä"}}]})", R"({"a":"Ä"})", true},
      {R"({"a":[{"prefix":{"equals-ignore-case":"ab"}}]})", R"({"a":"aÄ"})", false},
      {R"({"a":[{"prefix":{"equals-ignore-case":"ab"}}]})", R"({"a":"a"})", false},
      {R"({"a":[{"suffix":{"equals-ignore-case":"ДА"}}]})", R"({"a":"€ да"})", true},
      {R"({"a":[{"suffix":{"equals-ignore-case":"b"}}]})", R"({"a":"€"})", false},
      {R"({"a":[{"suffix":{"equals-ignore-case":"xb"}}]})", R"({"a":"ÄB"})", false},
      {R"({"a":[{"suffix":{"equals-ignore-case":""}}]})", R"({"a":"ÄB"})", true},
      {R"({"a":[{"equals-ignore-case":"ÄB"}]})", R"({"a":"äbc"})", false},
      {R"({"a":[{"equals-ignore-case":"Ä"}]})", R"({"a":"ab"})", false},
      {R"({"a":[{"anything-but":{"equals-ignore-case":"ÄB"}}]})", R"({"a":"äB"})", false},
  };
  Check(rows);
}

// Twenty ends of twenty megabytes of letters, of each of a thousand alternatives: where a text were
// folded as a whole, 400 GB.
TEST(EventPattern, IsSoonDoneWithLongTextsWhoseCaseIsIgnored) {
  std::string text = R"({"a":[)";
  for (int i = 0; i < 20; ++i) {
    text += (i > 0 ? "," : "") + std::string(R"({"prefix":{"equals-ignore-case":"X)") +
            std::to_string(i) + "\"}}";
  }
  text += "]";
  for (const char* name : {"b", "c", "d"}) {
    text += std::string(",\"") + name + "\":{\"$or\":[";
    for (int i = 0; i < 10; ++i) {
      text += (i > 0 ? ",{\"" : "{\"") + std::to_string(i) + "\":[{\"exists\":false}]}";
    }
    text += "]}";
  }
  const auto pattern = EventPattern::Parse(text + "}");
  ASSERT_TRUE(pattern) << pattern.error();
  ASSERT_EQ(pattern->alternatives().size(), 1000u);
  EXPECT_FALSE(pattern->Matches({{"a", std::string(20'000'000, 'x')}}));
}

// A list of `count` times `item`, and of `last`.
std::string ListOf(size_t count, std::string_view item, std::string_view last) {
  std::string out = "[";
  for (size_t i = 0; i < count; ++i) (out += item) += ",";
  return (out += last) += "]";
}

// An event's most, a megabyte: what is walked again for each item is walked 10 to the 11 times.
TEST(EventPattern, IsSoonDoneWithListsOfPlainValuesAndObjects) {
  std::string items;
  for (int i = 0; i < 150'000; ++i) items += "1,";
  for (int i = 0; i < 250'000; ++i) items += "{},";
  const std::string nested = std::string(400, '[') + items;
  const std::string close(400, ']');
  const Row rows[] = {
      {R"({"a":{"b":["x"]}})", R"({"b":"x"})", true},
      {R"({"a":{"b":["x"]}})", R"({"b":"y"})", false},
      {R"({"a":[2],"a.b":["x"]})", R"({"b":"x"})", false},
      {R"({"a":[1],"a.b":["x"]})", R"({"b":"x"})", true},
      {R"({"a":[2,{"exists":false}],"a.b":["x"]})", R"({"b":"x"})", false},
      {R"({"a":{"b":[{"exists":false}],"c":["x"]}})", R"({"c":"x"})", true},
      {R"({"a":{"b":[{"exists":false}],"c":["x"]}})", R"({"b":"x","c":"x"})", false},
  };
  for (const Row& row : rows) {
    const auto pattern = EventPattern::Parse(row.pattern);
    ASSERT_TRUE(pattern) << pattern.error();
    for (const std::string& list : {"[" + items + row.event + "]", nested + row.event + close}) {
      const auto event = base::ParseJson("{\"a\":" + list + "}");
      ASSERT_TRUE(event);
      EXPECT_EQ(pattern->Matches(*event), row.matches) << row.pattern << row.event;
    }
  }
}

// Where an event spells a path in two ways, what is below one list is walked for each item of the
// other, whether it is a list, a text or an object of many names: that ends.
TEST(EventPattern, IsSoonDoneWithWhatIsBesideALongList) {
  const std::string objects = ListOf(100'000, "{}", "{}");
  std::string names = "{\"c\":2";
  for (int i = 0; i < 50'000; ++i) names += ",\"c!" + std::to_string(i) + "\":1";
  std::string beside = "{\"a\":" + objects;
  for (int i = 0; i < 50'000; ++i) beside += ",\"a.c" + std::to_string(i) + "\":1";
  const std::string with = "{\"a\":" + objects + ",\"a.b\":";
  const std::pair<const char*, std::string> rows[] = {
      {R"({"a":{"b":["x"]}})", with + ListOf(200'000, "1", "1") + "}"},
      {R"({"a":{"b":{"c":["x"]}}})", with + objects + "}"},
      {R"({"a":{"b":{"c":["x"]}}})", with + ListOf(200'000, "1", "1") + "}"},
      {R"({"a":{"b":{"c":["x"]}}})", with + ListOf(100'000, "[]", "1") + "}"},
      {R"({"a":{"b":{"c":["x"]}}})", with + names + "}}"},
      {R"({"a":{"b":{"c":["x"]}}})", beside + "}"},
      {R"({"a":{"b":[{"wildcard":"*y*"}]}})", with + "\"" + std::string(500'000, 'x') + "\"}"},
      {R"({"a":{"b":[{"exists":false}],"c":["x"]}})", with + ListOf(100'000, "[]", "[]") + "}"},
  };
  for (const auto& [text, event] : rows) {
    const auto pattern = EventPattern::Parse(text);
    ASSERT_TRUE(pattern) << pattern.error();
    const auto json = base::ParseJson(event);
    ASSERT_TRUE(json);
    EXPECT_FALSE(pattern->Matches(*json)) << text << event.substr(event.size() - 40);
  }
}

TEST(EventPattern, IsSoonDoneWithListsThatShareAName) {
  // Each object of one list with each of the other.
  Json event = {{"a", Json::array()}, {"a.b", Json::array()}};
  for (int i = 0; i < 5000; ++i) {
    event["a"].push_back({{"b", {{"c", i}}}});
    event["a.b"].push_back({{"d", i}});
  }
  const auto pattern = EventPattern::Parse(R"({"a":{"b":{"c":[-1],"d":[-1]}}})");
  ASSERT_TRUE(pattern);
  EXPECT_FALSE(pattern->Matches(event));
}

}  // namespace
}  // namespace hearth::expressions
