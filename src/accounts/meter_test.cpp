#include "accounts/meter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "accounts/bill.h"
#include "accounts/usage_report.h"
#include "base/json.h"
#include "testing/ledger_case.h"

namespace dsa::accounts {
namespace {

using namespace std::chrono_literals;

struct MeterTest : ::testing::Test {
  MeterTest() {
    store.serve(kNoon);
    add_key(store, "a", {.prepaid = true}, 1000);
  }
  std::unique_ptr<Bill> bill(Money most = 100) {
    const Reserved row = store.reserve(reservation("a", most, most));
    return std::make_unique<Bill>(meter, row.row, reservation("a", 0, 0).price, "USD",
                                  [this](const TokenCounts&, Money cost) { ended.push_back(cost); });
  }
  Funds funds() {
    meter.flush(10s);
    return store.funds("a", kNoon);
  }
  std::string last_status() {
    meter.flush(10s);
    std::string status;
    for (const AuditRow& row : store.audit({}))
      if (!row.model.empty()) status = row.status;
    return status;
  }

  LedgerFile file;
  SqliteAccounts store{file.path()};
  FailingAccounts failing{store};
  std::vector<Money> ended;
  Meter meter{failing};
};

TEST_F(MeterTest, WhatIsToldComesInOrderAndBehindItsRow) {
  const auto one = bill();
  std::vector<std::pair<int, Money>> told;
  for (int i = 1; i <= 50; ++i)
    one->advance({.output = i}, [&, i](bool written) {
      EXPECT_TRUE(written);
      told.emplace_back(i, store.funds("a", kNoon).spent);
    });
  one->settle(BillEnd::whole, {.output = 60}, [&](bool written) { EXPECT_TRUE(written); });
  EXPECT_EQ(funds().spent, 60);
  EXPECT_EQ(funds().held, 0);
  ASSERT_EQ(told.size(), 50U);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(told[static_cast<std::size_t>(i)].first, i + 1);
    EXPECT_GE(told[static_cast<std::size_t>(i)].second, i + 1) << "nothing is told that is not in the ledger";
  }
}

TEST_F(MeterTest, WhoPaysWhat) {
  bill()->settle(BillEnd::whole, {.output = 10}, nullptr);
  EXPECT_EQ(last_status(), "done");
  bill()->settle(BillEnd::left, {.output = 3}, nullptr);
  EXPECT_EQ(last_status(), "left");
  bill()->settle(BillEnd::failed, {.output = 50}, nullptr);
  EXPECT_EQ(last_status(), "failed");
  bill();
  EXPECT_EQ(last_status(), "refused");
  EXPECT_EQ(funds().spent, 13);
  EXPECT_EQ(ended, (std::vector<Money>{10, 3, 0, 0}));
}

TEST_F(MeterTest, AnAnswerWhoseEndCannotBeWrittenCostsNothing) {
  const auto one = bill();
  one->advance({.output = 5}, nullptr);
  meter.flush(10s);
  failing.full = true;
  std::optional<bool> written;
  one->settle(BillEnd::whole, {.output = 20}, [&](bool w) { written = w; });
  meter.flush(10s);
  EXPECT_EQ(written, false);
  EXPECT_EQ(store.funds("a", kNoon).spent, 5) << "for the time being";
  failing.full = false;
  const auto next = bill();
  next->advance({.output = 1}, nullptr);
  EXPECT_EQ(funds().spent, 1) << "what had failed is in the store with the next change";
  EXPECT_EQ(store.funds("a", kNoon).held, 99);
}

TEST_F(MeterTest, ReportsAddUpAndASpreadsheetIsGivenNoFormula) {
  add_key(store, "b", {}, 0, "=cmd(\"x\"),1");
  for (const auto* key : {"a", "b", "b"}) {
    const Reserved row = store.reserve(reservation(key, 10, 10));
    store.change(std::array{RowChange{.row = row.row,
                                      .tokens = {.hit = 1, .miss = 2, .output = 4},
                                      .cost = 4,
                                      .status = "done",
                                      .moment = kNoon}});
  }
  const auto rows = store.usage({});
  EXPECT_EQ(usage_csv(rows, {.key = true, .day = false, .model = false}),
            "key,owner,requests,hit,miss,output,cost,currency\n"
            "a,owner,1,1,2,4,0.000004,USD\n"
            "b,\"'=cmd(\"\"x\"\"),1\",2,2,4,8,0.000008,USD\n");
  EXPECT_EQ(json_text(usage_json(rows, {.key = false, .day = true, .model = true})),
            R"({"object":"list","data":[{"day":"2026-01-15","model":"m","requests":3,)"
            R"("prompt_cache_hit_tokens":3,"prompt_cache_miss_tokens":6,"completion_tokens":12,)"
            R"("cost":"0.000012","currency":"USD"}]})");
  const std::string audit = audit_csv(store.audit({.key = "b"}));
  EXPECT_EQ(std::ranges::count(audit, '\n'), 4) << "a header, the key's making, two requests";
  EXPECT_NE(audit.find("2026-01-15T12:00:00Z,b,answer,m,1,2,4,0.00,0.00,1.00,0.000004,USD,done\n"),
            std::string::npos);
}

}  // namespace
}  // namespace dsa::accounts
