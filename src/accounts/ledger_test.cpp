// What holds for every ledger, whichever database keeps it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "base/error.h"
#include "testing/ledger_case.h"

namespace dsa::accounts {
namespace {

using namespace std::chrono_literals;

/// A ledger in each kind of database that is at hand.
struct LedgerTest : ::testing::TestWithParam<bool> {
  LedgerTest() { store->serve(kNoon); }
  // What the rows say together.
  Money billed() {
    Money sum = 0;
    for (const UsageRow& row : store->usage({})) sum += row.cost;
    return sum;
  }
  void end(std::int64_t row, std::int64_t output, std::string_view status = "done") {
    store->change(std::array{RowChange{
        .row = row, .tokens = {.output = output}, .cost = output, .status = status, .moment = kNoon}});
  }
  void advance(std::int64_t row, std::int64_t output) {
    store->change(std::array{RowChange{.row = row, .tokens = {.output = output}, .cost = output}});
  }

  LedgerPlace place{GetParam()};
  std::unique_ptr<SqlAccounts> store = place.open();
};

TEST_P(LedgerTest, AKeyComesBackAsItWasMade) {
  const KeyLimits limits{.models = {"a", "b"},
                         .expires = kNoon + 24h,
                         .requests_per_minute = 1,
                         .tokens_per_minute = 2,
                         .concurrency = 3,
                         .budget_day = 4,
                         .budget_month = 5,
                         .prepaid = true};
  const std::string text = add_key(*store, "0000000a", limits, 0, "anna", Role::admin);
  const auto found = store->find_key("0000000a");
  ASSERT_TRUE(found);
  EXPECT_TRUE(same(found->hash, hash_of(text)));
  const Key& key = found->key;
  EXPECT_EQ(std::tie(key.id, key.owner, key.role, key.created, key.revoked),
            std::tuple("0000000a", "anna", Role::admin, kNoon, std::optional<Moment>()));
  EXPECT_EQ(std::tie(key.limits.models, key.limits.expires, key.limits.prepaid),
            std::tie(limits.models, limits.expires, limits.prepaid));
  EXPECT_EQ(std::tie(key.limits.requests_per_minute, key.limits.tokens_per_minute, key.limits.concurrency,
                     key.limits.budget_day, key.limits.budget_month),
            std::tuple(1, 2, 3, 4, 5));
  EXPECT_FALSE(store->find_key("0000000b"));
  EXPECT_THROW(add_key(*store, "0000000a"), Error) << "an id is given once";
  EXPECT_TRUE(store->limit_key("0000000a", {}, kNoon));
  EXPECT_FALSE(store->find_key("0000000a")->key.limits.budget_day);
  EXPECT_TRUE(store->revoke_key("0000000a", kNoon));
  EXPECT_FALSE(store->revoke_key("0000000a", kNoon));
  EXPECT_FALSE(store->limit_key("0000000a", {}, kNoon));
  EXPECT_EQ(store->keys().size(), 1U);
}

TEST_P(LedgerTest, TheBalanceIsDepositsLessRows) {
  add_key(*store, "a", {.prepaid = true}, 100);
  const Reserved one = store->reserve(reservation("a", 60, 60));
  EXPECT_GT(one.row, 0);
  EXPECT_EQ(one.held, 60);
  const Reserved two = store->reserve(reservation("a", 60, 10));
  EXPECT_EQ(two.held, 40) << "what is left";
  const Reserved three = store->reserve(reservation("a", 1, 1));
  EXPECT_EQ(three.row, 0);
  EXPECT_EQ(three.available.bound, Bound::balance);
  advance(one.row, 10);
  EXPECT_EQ(store->funds("a", kNoon).spent, 10);
  EXPECT_EQ(store->funds("a", kNoon).held, 90) << "an advance takes from what its row holds";
  end(one.row, 25);
  end(two.row, 0, "failed");
  const Funds funds = store->funds("a", kNoon);
  EXPECT_EQ(std::tuple(funds.deposited, funds.spent, funds.held), std::tuple(100, 25, 0));
  EXPECT_EQ(billed(), 25);
  store->deposit("a", -20, kNoon);
  EXPECT_EQ(store->funds("a", kNoon).deposited, 80);
}

TEST_P(LedgerTest, ARowEndsOnce) {
  add_key(*store, "a", {.prepaid = true}, 100);
  const Reserved row = store->reserve(reservation("a", 50, 50));
  end(row.row, 5);
  end(row.row, 7);
  advance(row.row, 9);
  EXPECT_EQ(billed(), 5);
  EXPECT_EQ(store->funds("a", kNoon).held, 0);
}

TEST_P(LedgerTest, ExactlyTheBalanceIsEnoughAndNothingIsNot) {
  add_key(*store, "a", {.prepaid = true}, 10);
  EXPECT_EQ(store->reserve(reservation("a", 11, 11)).row, 0);
  EXPECT_GT(store->reserve(reservation("a", 10, 10)).row, 0);
  add_key(*store, "b", {.prepaid = true});
  EXPECT_EQ(store->reserve(reservation("b", 0, 0)).row, 0) << "an empty account asks for nothing free either";
  add_key(*store, "c");
  EXPECT_GT(store->reserve(reservation("c", kMostMoney, kMostMoney)).row, 0) << "no bound";
}

TEST_P(LedgerTest, BudgetsAreOfTheDayAndTheMonth) {
  add_key(*store, "a", {.budget_day = 10, .budget_month = 25});
  const auto spend = [&](Money amount, Moment moment) {
    const Reserved row = store->reserve(reservation("a", amount, amount, moment));
    if (row.row != 0) end(row.row, amount);
    return row.available.bound;
  };
  EXPECT_EQ(spend(10, kNoon), Bound::day);
  EXPECT_EQ(store->reserve(reservation("a", 1, 1)).row, 0);
  EXPECT_EQ(spend(10, kNoon + 24h), Bound::day) << "the next day";
  EXPECT_EQ(store->reserve(reservation("a", 6, 6, kNoon + 48h)).available.bound, Bound::month);
  EXPECT_EQ(spend(5, kNoon + 48h), Bound::month);
  EXPECT_EQ(store->reserve(reservation("a", 1, 1, kNoon + 72h)).row, 0);
  const Moment february = Moment(parse_day("2026-02-01").value());
  EXPECT_EQ(store->reserve(reservation("a", 1, 1, february - 1ms)).row, 0);
  EXPECT_EQ(spend(10, february), Bound::day);
}

// Each holds what it may still spend: together never more than there is.
TEST_P(LedgerTest, ARaceForTheLastCreditHasOneWinner) {
  add_key(*store, "a", {.prepaid = true}, 100);
  const auto other = place.open();
  other->serve(kNoon);
  std::atomic<int> won{0};
  std::vector<std::thread> racers;
  for (AccountStore* one : {store.get(), other.get()})
    for (int i = 0; i < 2; ++i)
      racers.emplace_back([&won, one] {
        for (int n = 0; n < 10; ++n) won += one->reserve(reservation("a", 7, 7)).row != 0 ? 1 : 0;
      });
  for (std::thread& racer : racers) racer.join();
  EXPECT_EQ(won, 14) << "14 times 7 are 98";
  EXPECT_EQ(store->funds("a", kNoon).held, 98);
}

TEST_P(LedgerTest, RowsOfADeadServerAreEndedAsTheyAreThoseOfALivingOneAreNot) {
  add_key(*store, "a", {.prepaid = true}, 100);
  auto dying = place.open();
  dying->serve(kNoon);
  const Reserved dead = dying->reserve(reservation("a", 30, 30));
  dying->change(std::array{RowChange{.row = dead.row, .tokens = {.output = 12}, .cost = 12}});
  const Reserved alive = store->reserve(reservation("a", 30, 30));
  dying = nullptr;
  const auto next = place.open();
  EXPECT_EQ(next->serve(kNoon), 1);
  const Funds funds = store->funds("a", kNoon);
  EXPECT_EQ(std::tuple(funds.spent, funds.held), std::tuple(12, 30));
  end(alive.row, 3);
  EXPECT_EQ(billed(), 15);
  const auto rows = store->audit({.key = "a"});
  EXPECT_EQ(std::ranges::count(rows, "killed", &AuditRow::status), 1);
}

TEST_P(LedgerTest, UsageIsByKeyDayAndModelWithinTheDaysAskedFor) {
  add_key(*store, "a", {}, 0, "anna");
  add_key(*store, "b", {}, 0, "bert");
  for (const Moment moment : {kNoon, kNoon + 1h, kNoon + 24h}) {
    end(store->reserve(reservation("a", 10, 10, moment)).row, 3);
    end(store->reserve(reservation("b", 10, 10, moment)).row, 4);
  }
  const auto all = store->usage({});
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].key, "a");
  EXPECT_EQ(all[0].owner, "anna");
  EXPECT_EQ(day_text(all[0].day), "2026-01-15");
  EXPECT_EQ(all[0].requests, 2);
  EXPECT_EQ(all[0].tokens.output, 6);
  EXPECT_EQ(all[0].cost, 6);
  const auto some = store->usage({.key = "b", .since = day_of(kNoon + 24h), .before = day_of(kNoon + 48h)});
  ASSERT_EQ(some.size(), 1U);
  EXPECT_EQ(some[0].cost, 4);
  EXPECT_TRUE(store->usage({.before = day_of(kNoon)}).empty());
}

TEST_P(LedgerTest, AServerThatLivesEndsTheRowsOfOneThatDied) {
  add_key(*store, "a", {.prepaid = true}, 100);
  auto dying = place.open();
  dying->serve(kNoon);
  dying->reserve(reservation("a", 30, 30));
  const Reserved own = store->reserve(reservation("a", 30, 30));
  EXPECT_EQ(store->end_dead(kNoon), 0) << "both live";
  dying = nullptr;
  const Caretaker caretaker(*store, 1ms);
  for (int i = 0; i < 1000 && store->funds("a", kNoon).held > 30; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(store->funds("a", kNoon).held, 30);
  end(own.row, 2);
  EXPECT_EQ(billed(), 2);
}

TEST_P(LedgerTest, ChangesOfManyRowsAreOfOneTransaction) {
  add_key(*store, "a", {.prepaid = true}, 100'000);
  std::vector<RowChange> changes;
  for (int i = 0; i < 220; ++i) {  // more than are sent together
    const std::int64_t row = store->reserve(reservation("a", 100, 100)).row;
    changes.push_back({.row = row, .tokens = {.output = 10}, .cost = 10});
    if (i % 3 == 0)
      changes.push_back(
          {.row = row, .tokens = {.output = 20}, .cost = 20, .status = "done", .moment = kNoon});
  }
  store->change(changes);
  const Funds funds = store->funds("a", kNoon);
  EXPECT_EQ(funds.spent, 74 * 20 + 146 * 10);
  EXPECT_EQ(funds.held, 146 * 90);
  EXPECT_EQ(billed(), funds.spent);
  store->change({});
}

TEST_P(LedgerTest, AFailedCallLeavesNothingBehind) {
  add_key(*store, "a", {}, 5);
  EXPECT_THROW(add_key(*store, "a", {}, 7), Error);
  EXPECT_THROW(store->deposit("nobody", 1, kNoon), Error);
  EXPECT_EQ(store->funds("a", kNoon).deposited, 5);
  EXPECT_EQ(store->audit({.key = "nobody"}).size(), 0U);
}

TEST_P(LedgerTest, TextsAreKeptAsTheyAre) {
  add_key(*store, "a", {.models = {"it's", "?1", "\xD8\xB3"}}, 0, "?' \xF0\x9F\xA6\x8A");
  const auto found = store->find_key("a");
  EXPECT_EQ(found->key.owner, "?' \xF0\x9F\xA6\x8A");
  EXPECT_EQ(found->key.limits.models, (std::vector<std::string>{"it's", "?1", "\xD8\xB3"}));
}

std::vector<bool> kinds() { return test_database().empty() ? std::vector{false} : std::vector{false, true}; }
INSTANTIATE_TEST_SUITE_P(Kinds, LedgerTest, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param ? "InPostgreSQL" : "InAFile"; });

TEST(Postgres, PlaceholdersAreItsOwnOutsideOfTexts) {
  EXPECT_EQ(with_dollars("a = ?1 AND b = '?2' OR c = ?10"), "a = $1 AND b = '?2' OR c = $10");
}

TEST(Postgres, OneOfManyThatFailsIsSaidAndTheConnectionGoesOn) {
  if (test_database().empty()) GTEST_SKIP() << "server.postgres_test runs it where there is a server";
  Postgres database(test_database());
  database.run("CREATE TEMPORARY TABLE numbers(n BIGINT CHECK (n <> 13))");
  const auto insert = [&](std::int64_t most) {
    std::vector<std::vector<SqlValue>> rows;
    for (std::int64_t n = 0; n < most; ++n) rows.push_back({SqlValue(n)});
    SqlTransaction all(database);
    database.run_each("INSERT INTO numbers VALUES(?1)", rows);
    all.commit();
  };
  insert(13);
  try {
    insert(500);
    ADD_FAILURE() << "13 is none";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("violates check constraint"), std::string::npos) << error.what();
  }
  SqlRows count = database.query("SELECT COUNT(*) FROM numbers");
  ASSERT_TRUE(count.next());
  EXPECT_EQ(count.number(0), 13) << "nothing of those that failed";
}

TEST(Postgres, AnAddressIsShownWithoutItsPasswords) {
  const auto shown = [](std::string_view rest) {
    return without_password(std::string("postgresql://").append(rest)).substr(13);
  };
  EXPECT_EQ(shown("anna:secret@host:5432/bills"), "anna:***@host:5432/bills");
  EXPECT_EQ(shown("anna:se@cr?et@host"), "anna:***@host");
  EXPECT_EQ(shown("anna:secret@host?password=secret"), "anna:***@host?password=***");
  EXPECT_EQ(shown("host/bills?sslpassword=secret&a=b&password=secret"),
            "host/bills?sslpassword=***&a=b&password=***");
  for (const char* open : {"host:5432/bills", "anna@host/bills", "[::1]:5432/a@b", "host/bills?passfile=:@"})
    EXPECT_EQ(shown(open), open);
  EXPECT_EQ(without_password("/home/a:b@c/bills.db"), "/home/a:b@c/bills.db");
}

TEST(Postgres, AnAddressSaysWhereAndNotWho) {
  try {
    open_ledger("postgresql://anna:secret@127.0.0.1:1/bills?connect_timeout=2");
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("postgresql://127.0.0.1/bills: ")) << text;
    EXPECT_EQ(text.find("secret"), std::string::npos);
  }
  EXPECT_THROW(open_ledger("postgresql://[::1/"), Error);
}

}  // namespace
}  // namespace dsa::accounts
