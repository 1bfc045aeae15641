// The Unicorn executors: one engine kept per executor, memory shared with the host, new code by overwriting the old and
// dropping its translations.
//
// A second, precise engine is opened the first time a program faults on memory: plain engines only know the block in
// which that happened, so the whole run is repeated there. Both engines map the same host memory.
#include <algorithm>
#include <cstring>

#include "oracles/unicorn_engine.h"

namespace assay::oracles {
namespace {

namespace map = memory_map;
using Access = UnicornEngine::Access;

// Translations of forgotten code pile up inside an engine; a fresh one costs 0.5 ms.
constexpr int kLoadsPerEngine = 50'000;

class UnicornExecutor final : public MachineExecutor {
 public:
  explicit UnicornExecutor(IsaKind isa, UnicornEngine::Step step = {})
      : MachineExecutor(isa),
        name_(std::string("unicorn-") + assay::name(isa)),
        step_(std::move(step)),
        code_(map::kCodeSize),
        stack_(map::kStackSize) {
    if (code_.data() == nullptr || stack_.data() == nullptr) {
      unavailable_ = "no memory for code and stack";
      return;
    }
    if (auto opened = engine(fast_, false); !opened) unavailable_ = opened.error().message;
  }

  const char* name() const override { return name_.c_str(); }
  std::string unavailable() const override { return unavailable_; }

 protected:
  uint64_t return_address() const override { return UnicornEngine::kReturnAddress; }

  Expected<void> install() override {
    if (++loads_ >= kLoadsPerEngine) {
      loads_ = 0;
      fast_ = Mapped();
      precise_ = Mapped();
    }
    const auto& bytes = image().bytes;
    const size_t dirty = std::max(bytes.size(), code_size_);
    std::memcpy(code_.data(), bytes.data(), bytes.size());
    if (code_size_ > bytes.size()) std::memset(code_.data() + bytes.size(), 0, code_size_ - bytes.size());
    code_size_ = bytes.size();
    for (Mapped* mapped : {&fast_, &precise_}) {
      if (mapped->engine) mapped->engine->forget_code(map::kCodeBase, map::kCodeBase + dirty);
    }

    // Mapping costs as much as a short run: what the last program had at the same place stays.
    std::vector<Area> wanted;
    for (const Region& region : regions()) {
      const size_t size = mapped_size(region);
      const auto same = std::ranges::find_if(areas_, [&](const Area& area) {
        return area.address == region.address && area.memory.size() == size && area.writable == region.writable;
      });
      if (same != areas_.end()) {
        wanted.push_back(std::move(*same));
        areas_.erase(same);
        continue;
      }
      wanted.push_back({region.address, region.writable, HostMemory(size)});
      if (wanted.back().memory.data() == nullptr) {
        fast_ = Mapped();  // before the memory that they map
        precise_ = Mapped();
        areas_.clear();
        return fail("no memory for a region");
      }
    }
    for (const Area& area : areas_) {
      for (Mapped* mapped : {&fast_, &precise_}) {
        if (std::erase(mapped->areas, area.address) != 0) mapped->engine->unmap(area.address, area.memory.size());
      }
    }
    areas_ = std::move(wanted);
    view_.stack = stack_.data();
    view_.regions.clear();
    for (size_t i = 0; i < areas_.size(); ++i) {
      const size_t used = regions()[i].bytes.size();
      std::memset(areas_[i].memory.data() + used, 0, areas_[i].memory.size() - used);
      view_.regions.push_back(areas_[i].memory.data());
    }
    return engine(fast_, false);
  }

  Event execute(uint64_t entry, MachineState& state, std::span<const RegisterId> wanted, const Limits& limits,
                bool precise) override {
    precise = precise || step_ != nullptr;
    if (precise) {
      if (auto opened = engine(precise_, true); !opened) {
        return {.kind = Event::Kind::Unsupported, .text = opened.error().message};
      }
    }
    UnicornEngine& chosen = precise ? *precise_.engine : *fast_.engine;
    Event event = chosen.run(entry, state, wanted, limits.fuel);
    if (event.kind == Event::Kind::Fault && is_host_stub(event.pc)) chosen.read_all(state);
    const bool wrote_protected = isa() == IsaKind::s390x && repair_protected();
    const bool is_memory =
        event.kind == Event::Kind::Fault &&
        (event.fault == FaultKind::Read || event.fault == FaultKind::Write || event.fault == FaultKind::Other);
    // A store of what was there already leaves no trace in memory that this machine may write.
    const bool may_have_written =
        isa() == IsaKind::s390x && !std::ranges::all_of(areas_, [](const Area& area) { return area.writable; });
    event.imprecise = !precise && (is_memory || wrote_protected || may_have_written);
    return event;
  }

 private:
  struct Area {
    uint64_t address;
    bool writable;
    HostMemory memory;
  };
  struct Mapped {
    std::unique_ptr<UnicornEngine> engine;
    std::vector<uint64_t> areas;  // the addresses of those that are mapped
  };

  // Opens the engine and maps what it lacks.
  Expected<void> engine(Mapped& mapped, bool precise) {
    if (!mapped.engine) {
      auto opened = UnicornEngine::open(isa(), precise);
      if (!opened) return std::unexpected(opened.error());
      mapped.engine = std::move(*opened);
      if (precise && step_) mapped.engine->set_step(step_);
      mapped.areas.clear();
      if (auto done = mapped.engine->map(map::kCodeBase, map::kCodeSize, Access::ReadExecute, code_.data()); !done) {
        return done;
      }
      if (auto done = mapped.engine->map(map::kStackLow, map::kStackSize, Access::ReadWrite, stack_.data()); !done) {
        return done;
      }
    }
    for (const Area& area : areas_) {
      if (std::ranges::find(mapped.areas, area.address) != mapped.areas.end()) continue;
      const Access access = area.writable ? Access::ReadWrite : Access::Read;
      if (auto done = mapped.engine->map(area.address, area.memory.size(), access, area.memory.data()); !done) {
        return done;
      }
      mapped.areas.push_back(area.address);
    }
    return {};
  }

  // Restores code and read-only regions that the machine could write (see UnicornEngine::map); true if it did.
  bool repair_protected() {
    bool found = false;
    auto repair = [&](uint8_t* memory, const std::vector<uint8_t>& bytes, uint64_t address, bool is_code) {
      if (bytes.empty() || std::memcmp(memory, bytes.data(), bytes.size()) == 0) return;
      found = true;
      std::memcpy(memory, bytes.data(), bytes.size());
      if (!is_code) return;
      for (Mapped* mapped : {&fast_, &precise_}) {
        if (mapped->engine) mapped->engine->forget_code(address, address + bytes.size());
      }
    };
    repair(code_.data(), image().bytes, map::kCodeBase, true);
    // The rest of the last page of code as well; what lies beyond is given up (other machines fault there).
    const size_t size = image().bytes.size();
    const size_t rest = (size + map::kPage - 1) / map::kPage * map::kPage - size;
    static constexpr uint8_t kZeros[map::kPage] = {};
    if (std::memcmp(code_.data() + size, kZeros, rest) != 0) {
      found = true;
      std::memset(code_.data() + size, 0, rest);
    }
    for (size_t i = 0; i < areas_.size(); ++i) {
      if (!areas_[i].writable) repair(areas_[i].memory.data(), regions()[i].bytes, areas_[i].address, false);
    }
    return found;
  }

  std::string name_;
  UnicornEngine::Step step_;
  std::string unavailable_;
  HostMemory code_;
  HostMemory stack_;
  size_t code_size_ = 0;
  std::vector<Area> areas_;  // outlive the engines that map them
  Mapped fast_;
  Mapped precise_;
  int loads_ = 0;
};

}  // namespace

std::unique_ptr<Executor> make_unicorn(IsaKind isa) { return std::make_unique<UnicornExecutor>(isa); }

std::unique_ptr<Executor> make_stepping_unicorn(
    IsaKind isa, std::function<void(uint64_t pc, std::span<const uint64_t> integers)> step) {
  return std::make_unique<UnicornExecutor>(
      isa, [step = std::move(step)](uint64_t pc, const MachineState& state) { step(pc, state.integer); });
}

}  // namespace assay::oracles
