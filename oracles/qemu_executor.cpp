// User-mode QEMU as an executor: a guest server kept running (guest_server.h), code and memory shared with it.
//
// QEMU 7.2 knows what Unicorn's older core lacks (AVX2, Zb*, SVE2, z15) and is the referee where both know something.
// The machine's memory is the server's address space: code under test could overwrite the server, which then dies; the
// run is repeated on a new one, and if that dies too the answer is Unsupported.
#include <algorithm>
#include <csignal>
#include <cstring>

#include "oracles/guest_server.h"
#include "oracles/machine_executor.h"

namespace assay::oracles {
namespace {

namespace map = memory_map;

class QemuExecutor final : public MachineExecutor {
 public:
  explicit QemuExecutor(IsaKind isa)
      : MachineExecutor(isa),
        name_(std::string("qemu-") + assay::name(isa)),
        unavailable_(GuestServer::unavailable(isa)) {}

  const char* name() const override { return name_.c_str(); }
  std::string unavailable() const override { return unavailable_; }

 protected:
  uint64_t return_address() const override { return server_ ? server_->order(server_->control().return_address) : 0; }

  Expected<std::unique_lock<std::mutex>> acquire() override {
    if (server_ && !server_->is_ours()) server_.reset();
    if (!server_ && installed_) {
      if (auto done = install(); !done) return std::unexpected(done.error());
    }
    return std::unique_lock<std::mutex>();
  }

  Expected<void> install() override {
    installed_ = true;
    if (regions().size() > ASSAY_MAX_REGIONS) return fail("more than 1024 regions");
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (!server_) {
        auto started = GuestServer::start(isa());
        if (!started) return std::unexpected(started.error());
        server_ = std::move(*started);
      }
      fill_arena();
      const GuestServer::Reply reply = server_->send(ASSAY_LOAD, kLoadMilliseconds);
      if (reply == GuestServer::Reply::Done) {
        const uint64_t failure = server_->order(server_->control().failure);
        if (failure == 0) return {};
        return fail(std::string("the guest server cannot map memory: ") + std::strerror(static_cast<int>(failure)));
      }
      server_.reset();
    }
    return fail("the guest server died while loading");
  }

  Event execute(uint64_t entry, MachineState& state, std::span<const RegisterId>, const Limits& limits, bool) override {
    const MachineState before = state;
    const uint64_t returns_to = return_address();
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (attempt > 0) {
        // This may be what follows a call of the host; what came before is lost.
        if (!image().host_stubs.empty()) break;
        // The server died. Someone else's doing, or the code's: run it once more on a new one.
        server_.reset();
        if (auto done = install(); !done) return {.kind = Event::Kind::Unsupported, .text = done.error().message};
        reset_memory();
        state = before;
      }
      put_registers(entry, state, returns_to);
      const GuestServer::Reply reply = server_->send(ASSAY_RUN, limits.milliseconds);
      if (reply == GuestServer::Reply::Dead) continue;
      const assay_control& control = server_->control();
      const uint64_t event = server_->order(control.event);
      if (event == ASSAY_CANCELLED) return {.kind = Event::Kind::OutOfFuel};
      if (event == ASSAY_SIGNAL) {
        const Event what = fault();
        if (is_host_stub(what.pc)) get_registers(state);
        return what;
      }
      get_registers(state);
      return {.kind = Event::Kind::Returned};
    }
    server_.reset();
    return {.kind = Event::Kind::Unsupported, .text = "the code under test killed QEMU's guest server"};
  }

 private:
  static constexpr uint32_t kLoadMilliseconds = 10'000;
  static constexpr uint64_t kX64FloatControl = 0x1f80;  // mxcsr: all exceptions masked; elsewhere 0

  void fill_arena() {
    SharedArena& arena = server_->arena();
    assay_control& control = server_->control();
    const size_t size = image().bytes.size();
    const size_t mapped = (size + map::kPage - 1) / map::kPage * map::kPage;
    std::memcpy(arena.code(), image().bytes.data(), size);
    std::memset(arena.code() + size, 0, mapped - size);
    server_->put(control.code_address, map::kCodeBase);
    server_->put(control.code_size, mapped);
    server_->put(control.code_offset, SharedArena::kCodeOffset);
    server_->put(control.region_count, regions().size());
    view_.stack = arena.stack();
    view_.regions.clear();
    for (size_t i = 0; i < regions().size(); ++i) {
      const Region& region = regions()[i];
      server_->put(control.regions[i].address, region.address);
      server_->put(control.regions[i].size, mapped_size(region));
      server_->put(control.regions[i].writable, region.writable ? 1 : 0);
      server_->put(control.regions[i].offset, SharedArena::region_offset(region.address));
      uint8_t* bytes = arena.region(region.address);
      if (!region.bytes.empty()) std::memcpy(bytes, region.bytes.data(), region.bytes.size());
      std::memset(bytes + region.bytes.size(), 0, mapped_size(region) - region.bytes.size());
      view_.regions.push_back(bytes);
    }
  }

  bool is_big() const { return endianness(isa()) == std::endian::big; }

  void put_registers(uint64_t entry, const MachineState& state, uint64_t returns_to) {
    assay_control& control = server_->control();
    for (int i = 0; i < 32; ++i) {
      server_->put(control.integer[i], state.integer[i]);
      server_->put(control.vector[i][is_big() ? 1 : 0], state.vector[i].low);
      server_->put(control.vector[i][is_big() ? 0 : 1], state.vector[i].high);
    }
    // The return address is that of the server which runs this, be it a new one. Behind a call of the host there is
    // another in the register, or none.
    const int8_t link = abi_facts(isa()).link;
    if (link >= 0 && (state.integer[link] == returns_to || state.integer[link] == 0)) {
      control.integer[link] = control.return_address;
    }
    server_->put(control.entry, entry);
    server_->put(control.float_control, isa() == IsaKind::x64 ? kX64FloatControl : 0);
  }

  void get_registers(MachineState& state) const {
    const assay_control& control = server_->control();
    for (int i = 0; i < 32; ++i) {
      state.integer[i] = server_->order(control.integer[i]);
      state.vector[i].low = server_->order(control.vector[i][is_big() ? 1 : 0]);
      state.vector[i].high = server_->order(control.vector[i][is_big() ? 0 : 1]);
    }
    state.flags = server_->order(control.flags);
  }

  Event fault() const {
    const assay_control& control = server_->control();
    Event event;
    event.kind = Event::Kind::Fault;
    event.pc = server_->order(control.pc);
    const uint64_t address = server_->order(control.address);
    const uint64_t signal = server_->order(control.signal);
    // Of these, s390x has the instruction's address in siginfo and the next instruction's in the context.
    if (isa() == IsaKind::s390x && signal != SIGSEGV && signal != SIGBUS) event.pc = address;
    switch (signal) {
      case SIGILL:
        event.fault = FaultKind::Illegal;
        break;
      case SIGFPE:
        event.fault = FaultKind::Arithmetic;
        break;
      case SIGTRAP:
        event.fault = FaultKind::Breakpoint;
        if (isa() == IsaKind::x64) event.pc -= 1;
        break;
      case SIGSEGV:
        event.fault = event.pc == address ? FaultKind::Fetch : memory_fault();
        if (event.fault != FaultKind::Fetch) event.address = address;
        break;
      default:
        event.fault = FaultKind::Other;
        break;
    }
    return event;
  }

  // Linux tells a guest only on x64 whether it was a load or a store. Elsewhere mapped memory that faults was written,
  // and of other memory this says Read.
  FaultKind memory_fault() const {
    constexpr uint64_t kWriteBit = 2;
    if (isa() == IsaKind::x64) {
      return (server_->order(server_->control().fault_bits) & kWriteBit) != 0 ? FaultKind::Write : FaultKind::Read;
    }
    constexpr uint64_t kAccessError = SEGV_ACCERR;
    return server_->order(server_->control().signal_code) == kAccessError ? FaultKind::Write : FaultKind::Read;
  }

  std::string name_;
  std::string unavailable_;
  std::unique_ptr<GuestServer> server_;
  bool installed_ = false;
};

}  // namespace

std::unique_ptr<Executor> make_qemu(IsaKind isa) { return std::make_unique<QemuExecutor>(isa); }

}  // namespace assay::oracles
