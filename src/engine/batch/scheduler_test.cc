// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "base/random.h"
#include "engine/batch/scripted_executor.h"

namespace llmd::engine {
namespace {

constexpr TokenId kVocab = 50;
constexpr TokenId kEos = 7;

struct Shape {
  uint32_t blocks = 64;
  SchedulerOptions options = {8, 64, 128, 4, true, {kEos}};
};

/// A scheduler that is stepped by hand over a ScriptedExecutor.
class Bench {
 public:
  explicit Bench(const Shape& shape)
      : pool(shape.blocks),
        scheduler(shape.options, pool, clock),
        executor(shape.blocks, shape.options.block_size, kVocab) {}

  Sequence& add(std::vector<TokenId> prompt, uint32_t max_tokens, uint64_t seed = 0) {
    auto sequence = std::make_unique<Sequence>();
    sequence->id = sequences_.size();
    sequence->tokens = std::move(prompt);
    sequence->stop.max_tokens = max_tokens;
    sequence->sampling.seed = seed;
    scheduler.add(*sequence);
    return *sequences_.emplace_back(std::move(sequence));
  }

  /// False when there was nothing to do.
  bool begin() {
    const Batch* batch = scheduler.plan();
    if (batch == nullptr) return false;
    check_batch(*batch);
    executor.submit(*batch, [this](StepResult result) { result_ = std::move(result); });
    return true;
  }

  void end() {
    executor.run_one();
    std::vector<StepOutput> outputs;
    scheduler.complete(result_, outputs);
    for (const StepOutput& output : outputs) {
      if (output.finish != FinishReason::kNone) ends[output.id] = output.finish;
    }
  }

  bool step() {
    if (!begin()) return false;
    end();
    return true;
  }

  void run() {
    while (step()) {
    }
  }

  void expect_no_leak() const {
    EXPECT_EQ(pool.free_count(), pool.size());
    for (BlockId block = 0; block < pool.size(); ++block) EXPECT_EQ(pool.references(block), 0U);
    EXPECT_EQ(scheduler.running() + scheduler.waiting(), 0U);
  }

  SteadyClock clock;
  BlockPool pool;
  Scheduler scheduler;
  ScriptedExecutor executor;
  std::map<SequenceId, FinishReason> ends;

 private:
  void check_batch(const Batch& batch) const {
    size_t tokens = 0;
    for (const BatchItem& item : batch.items) {
      tokens += item.tokens.size();
      for (const BlockId block : item.block_table) EXPECT_GT(pool.references(block), 0U);
    }
    EXPECT_LE(tokens, scheduler.options().max_num_batched_tokens);
    EXPECT_LE(batch.items.size(), scheduler.options().max_num_seqs);
  }

  std::vector<std::unique_ptr<Sequence>> sequences_;
  StepResult result_;
};

std::vector<TokenId> numbers(uint32_t count, TokenId first = 0) {
  std::vector<TokenId> out;
  for (uint32_t i = 0; i < count; ++i) out.push_back((first + i) % kVocab);
  return out;
}

std::vector<TokenId> alone(const std::vector<TokenId>& prompt, uint32_t max_tokens, uint64_t seed) {
  Bench bench{Shape{}};
  const Sequence& sequence = bench.add(prompt, max_tokens, seed);
  bench.run();
  return sequence.tokens;
}

TEST(Scheduler, ChunksAPromptUnderTheBudget) {
  Shape shape;
  shape.options.max_num_batched_tokens = 8;
  Bench bench(shape);
  const Sequence& sequence = bench.add(numbers(20), 3, 1);
  for (const uint32_t computed : {8U, 16U}) {
    bench.step();
    EXPECT_EQ(sequence.computed, computed);
    EXPECT_EQ(sequence.generated(), 0U);
  }
  bench.step();
  EXPECT_EQ(sequence.generated(), 1U);
  bench.run();
  EXPECT_EQ(sequence.tokens, alone(numbers(20), 3, 1));
  bench.expect_no_leak();
}

TEST(Scheduler, RunningSequencesGoBeforeWaitingOnes) {
  Shape shape;
  shape.options.max_num_batched_tokens = 8;
  Bench bench(shape);
  const Sequence& first = bench.add(numbers(4), 20, 1);
  bench.step();
  const Sequence& second = bench.add(numbers(30, 5), 1, 1);
  bench.step();
  EXPECT_EQ(first.generated(), 2U);
  EXPECT_EQ(second.computed, 7U);  // what the first one left of the budget
}

TEST(Scheduler, SecondPromptReusesFullBlocksButComputesItsLastToken) {
  Bench bench{Shape{}};
  bench.add(numbers(16), 2, 1);
  bench.run();
  const Sequence& again = bench.add(numbers(16), 2, 1);
  bench.step();
  EXPECT_EQ(again.cached, 12U);  // of 4 full blocks the last holds the last token
  bench.run();
  EXPECT_EQ(again.tokens, alone(numbers(16), 2, 1));
  const Sequence& longer = bench.add(numbers(18), 2, 1);
  bench.run();
  EXPECT_EQ(longer.cached, 16U);
  EXPECT_EQ(bench.scheduler.counters().prefix_queries, 16U + 16 + 18);
  EXPECT_EQ(bench.scheduler.counters().prefix_hits, 12U + 16);
  bench.expect_no_leak();
}

TEST(Scheduler, SaltAndSwitchKeepPrefixesApart) {
  Bench bench{Shape{}};
  bench.add(numbers(16), 1, 1);
  bench.run();
  Sequence& salted = bench.add(numbers(16), 1, 1);
  salted.cache_salt = "mine";
  bench.run();
  EXPECT_EQ(salted.cached, 0U);

  Shape shape;
  shape.options.prefix_caching = false;
  Bench uncached(shape);
  for (int i = 0; i < 2; ++i) {
    const Sequence& sequence = uncached.add(numbers(16), 1, 1);
    uncached.run();
    EXPECT_EQ(sequence.cached, 0U);
  }
  EXPECT_EQ(uncached.pool.cached_count(), 0U);
}

TEST(Scheduler, StopsAtEosUnlessTold) {
  Bench bench{Shape{}};
  uint64_t seed = 0;  // one whose third token is EOS
  while (alone(numbers(4), 3, seed).back() != kEos || alone(numbers(4), 3, seed).size() < 7) ++seed;
  const Sequence& stopped = bench.add(numbers(4), 20, seed);
  Sequence& ignoring = bench.add(numbers(4), 20, seed);
  ignoring.stop.ignore_eos = true;
  bench.run();
  EXPECT_EQ(stopped.generated(), 3U);
  EXPECT_EQ(bench.ends[stopped.id], FinishReason::kStop);
  EXPECT_EQ(ignoring.generated(), 20U);
  EXPECT_EQ(bench.ends[ignoring.id], FinishReason::kLength);
}

TEST(Scheduler, MinTokensKeepsEosAway) {
  Bench bench{Shape{}};
  for (uint64_t seed = 0; seed < 40; ++seed) {
    auto* sequence = new Sequence;
    const std::unique_ptr<Sequence> owner(sequence);
    sequence->id = 1000 + seed;
    sequence->tokens = numbers(4);
    sequence->sampling.seed = seed;
    sequence->stop.max_tokens = 40;
    sequence->stop.min_tokens = 30;
    sequence->stop.token_ids = {1, 2, 3};
    bench.scheduler.add(*sequence);
    bench.run();
    EXPECT_GE(sequence->generated(), 30U);
  }
}

TEST(Scheduler, EndsAtMaxModelLen) {
  Shape shape;
  shape.options.eos_ids.clear();
  shape.options.max_model_len = 24;
  Bench bench(shape);
  const Sequence& sequence = bench.add(numbers(20), 100, 3);
  bench.run();
  EXPECT_EQ(sequence.size(), 24U);
  EXPECT_EQ(bench.ends[sequence.id], FinishReason::kLength);
}

TEST(Scheduler, PreemptsTheNewestAndGivesTheSameTokens) {
  Shape shape;
  shape.blocks = 16;
  shape.options.max_model_len = 64;
  shape.options.eos_ids.clear();
  Bench bench(shape);
  std::vector<const Sequence*> sequences;
  for (TokenId i = 0; i < 4; ++i) sequences.push_back(&bench.add(numbers(8, i * 9), 20, i));
  bench.run();
  EXPECT_GT(bench.scheduler.counters().preemptions, 0U);
  EXPECT_EQ(sequences[0]->preemptions, 0U);
  for (TokenId i = 0; i < 4; ++i) {
    Shape roomy;
    roomy.options.eos_ids.clear();
    Bench lone(roomy);
    const Sequence& expected = lone.add(numbers(8, i * 9), 20, i);
    lone.run();
    EXPECT_EQ(sequences[i]->tokens, expected.tokens);
  }
  bench.expect_no_leak();
}

TEST(Scheduler, BlockedSequenceIsAdmittedOnceItsPrefixIsThere) {
  Shape shape;
  shape.blocks = 16;
  shape.options.max_model_len = 64;
  shape.options.max_num_batched_tokens = 128;
  Bench bench(shape);
  bench.add(numbers(40), 4, 1);
  std::vector<TokenId> longer = numbers(40);
  longer.resize(48, 1);
  const Sequence& blocked = bench.add(longer, 1, 1);
  bench.step();  // 10 of 16 blocks are taken, 12 are wanted
  EXPECT_EQ(blocked.state, SequenceState::kWaiting);
  bench.step();  // nothing was freed, but 10 of the 12 are shared now
  EXPECT_EQ(blocked.cached, 40U);
  bench.run();
  bench.expect_no_leak();
}

TEST(Scheduler, WaitingDoesNotKeepAPrefixFromEviction) {
  Shape shape;
  shape.blocks = 20;
  shape.options.max_model_len = 64;
  shape.options.eos_ids.clear();
  Bench bench(shape);
  for (const TokenId first : {0, 20}) {
    bench.add(numbers(16, first), 1, 1);
    bench.run();
  }
  bench.add(numbers(47, 30), 8, 1);  // takes the 12 blocks that were never used, then 2 more
  bench.step();
  std::vector<TokenId> prompt = numbers(16);
  prompt.resize(40, 1);
  const Sequence& waiting = bench.add(prompt, 1, 1);  // 4 cached and 6 new, where 8 are free
  bench.run();
  EXPECT_EQ(waiting.cached, 8U);  // the oldest two went, though it waited for them
  bench.expect_no_leak();
}

TEST(Scheduler, AbortFreesAtOnceOrWhenTheStepEnds) {
  Bench bench{Shape{}};
  Sequence& waiting = bench.add(numbers(8), 9);
  EXPECT_TRUE(bench.scheduler.abort(waiting));
  Sequence& between = bench.add(numbers(8), 9);
  bench.step();
  EXPECT_TRUE(bench.scheduler.abort(between));
  EXPECT_EQ(bench.pool.used_count(), 0U);

  Sequence& under_way = bench.add(numbers(8), 9);
  ASSERT_TRUE(bench.begin());
  EXPECT_FALSE(bench.scheduler.abort(under_way));
  EXPECT_GT(bench.pool.used_count(), 0U);  // the step still writes to them
  bench.end();
  EXPECT_EQ(bench.ends[under_way.id], FinishReason::kAbort);
  EXPECT_EQ(under_way.generated(), 0U);
  bench.expect_no_leak();
}

TEST(Scheduler, HeldSequencesLetOthersPass) {
  Bench bench{Shape{}};
  Sequence& held = bench.add(numbers(8), 2);
  bench.scheduler.hold_for_kv(held, true);
  const Sequence& other = bench.add(numbers(8, 20), 2);
  bench.run();
  EXPECT_EQ(other.state, SequenceState::kFinished);
  EXPECT_EQ(held.state, SequenceState::kWaitingForKv);
  bench.scheduler.hold_for_kv(held, false);
  bench.run();
  EXPECT_EQ(held.state, SequenceState::kFinished);
}

struct Job {
  std::vector<TokenId> prompt;
  uint32_t max_tokens = 0;
  uint64_t seed = 0;
};

/// Prompts that often share a beginning.
std::vector<Job> random_jobs(Random& random) {
  std::vector<Job> jobs(40);
  for (Job& job : jobs) {
    job.prompt =
        numbers(static_cast<uint32_t>(random.below(30)), static_cast<TokenId>(random.below(3)));
    job.prompt.push_back(static_cast<TokenId>(random.below(kVocab)));
    job.max_tokens = 1 + static_cast<uint32_t>(random.below(20));
    job.seed = random.below(4);
  }
  return jobs;
}

/// Adds jobs and aborts some at random moments, also within a step.
void run_randomly(Random& random, Bench& bench, const std::vector<Job>& jobs,
                  std::vector<Sequence*>& sequences, std::vector<bool>& aborted) {
  while (sequences.size() < jobs.size() ||
         bench.scheduler.running() + bench.scheduler.waiting() > 0) {
    while (sequences.size() < jobs.size() && random.below(3) > 0) {
      const Job& job = jobs[sequences.size()];
      sequences.push_back(&bench.add(job.prompt, job.max_tokens, job.seed));
      aborted.push_back(false);
    }
    const bool began = bench.begin();
    if (!sequences.empty() && random.below(10) == 0) {
      Sequence& victim = *sequences[random.below(sequences.size())];
      if (victim.state != SequenceState::kFinished && !victim.abort_asked) {
        aborted[victim.id] = true;
        bench.scheduler.abort(victim);
      }
    }
    if (began) bench.end();
  }
}

TEST(Scheduler, SameRequestSameTokensWhateverRunsBesideIt) {
  uint64_t preemptions = 0;
  uint64_t hits = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    Shape shape;
    shape.blocks = 16 + static_cast<uint32_t>(random.below(20));
    shape.options.max_model_len = 64;
    shape.options.max_num_seqs = 1 + static_cast<uint32_t>(random.below(8));
    shape.options.max_num_batched_tokens = 1 + static_cast<uint32_t>(random.below(40));
    shape.options.prefix_caching = random.below(4) > 0;
    Bench bench(shape);
    const std::vector<Job> jobs = random_jobs(random);
    std::vector<Sequence*> sequences;
    std::vector<bool> aborted;
    run_randomly(random, bench, jobs, sequences, aborted);
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (aborted[i]) continue;
      ASSERT_EQ(sequences[i]->tokens, alone(jobs[i].prompt, jobs[i].max_tokens, jobs[i].seed))
          << "seed " << seed << " job " << i;
    }
    bench.expect_no_leak();
    preemptions += bench.scheduler.counters().preemptions;
    hits += bench.scheduler.counters().prefix_hits;
  }
  EXPECT_GT(preemptions, 0U);  // the workload reaches what it is about
  EXPECT_GT(hits, 0U);
}

TEST(Scheduler, NoMoreAdaptersAtOnceThanMayBe) {
  Shape shape;
  shape.options.max_loras = 2;
  Bench bench(shape);
  std::vector<Sequence*> sequences;
  for (const AdapterId adapter : {1U, 2U, 3U, 1U, 0U}) {
    sequences.push_back(&bench.add({1, 2, 3}, 4, adapter));
    sequences.back()->adapter = adapter;
  }
  ASSERT_TRUE(bench.step());
  std::vector<bool> runs;
  for (const Sequence* sequence : sequences) runs.push_back(sequence->blocks.size() > 0);
  EXPECT_EQ(runs, (std::vector<bool>{true, true, false, true, true}));
  bench.run();
  EXPECT_EQ(bench.ends.size(), 5U);
  bench.expect_no_leak();
}

}  // namespace
}  // namespace llmd::engine
