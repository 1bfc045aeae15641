// See assembler.h. Each call makes an ELF object in memory and takes its text section.
#include "verify/assembler.h"

#include <llvm/ADT/SmallString.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/MC/MCAsmBackend.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCCodeEmitter.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCObjectFileInfo.h>
#include <llvm/MC/MCObjectWriter.h>
#include <llvm/MC/MCParser/MCAsmParser.h>
#include <llvm/MC/MCParser/MCTargetAsmParser.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCStreamer.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/Endian.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/raw_ostream.h>

#include "verify/llvm_target.h"

namespace assay::verify {

namespace {

// Assembles and gives the object to `read`, whose result it returns.
template <class Result, class Read>
Expected<Result> with_object(IsaKind isa, std::string_view text, Forms forms, const Read& read) {
  const LlvmTarget names = llvm_target(isa, forms);
  const llvm::Triple triple(names.triple);
  std::string message;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(names.triple, message);
  if (target == nullptr) return fail("LLVM has no such target: " + message);
  const std::unique_ptr<llvm::MCRegisterInfo> registers(target->createMCRegInfo(names.triple));
  const llvm::MCTargetOptions options;
  const std::unique_ptr<llvm::MCAsmInfo> asm_info(target->createMCAsmInfo(*registers, names.triple, options));
  const std::unique_ptr<llvm::MCInstrInfo> inst_info(target->createMCInstrInfo());
  const std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(names.triple, names.cpu, names.features));

  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(std::string(text) + "\n"), llvm::SMLoc());
  std::string first_error;
  sources.setDiagHandler(
      [](const llvm::SMDiagnostic& diagnostic, void* user) {
        auto& out = *static_cast<std::string*>(user);
        if (out.empty()) out = diagnostic.getMessage().str();
      },
      &first_error);
  llvm::MCContext context(triple, asm_info.get(), registers.get(), subtarget.get(), &sources, &options);
  const std::unique_ptr<llvm::MCObjectFileInfo> file_info(target->createMCObjectFileInfo(context, /*PIC=*/false));
  context.setObjectFileInfo(file_info.get());

  llvm::SmallVector<char, 1024> object;
  llvm::raw_svector_ostream stream(object);
  std::unique_ptr<llvm::MCCodeEmitter> emitter(target->createMCCodeEmitter(*inst_info, context));
  std::unique_ptr<llvm::MCAsmBackend> backend(target->createMCAsmBackend(*subtarget, *registers, options));
  std::unique_ptr<llvm::MCObjectWriter> writer = backend->createObjectWriter(stream);
  const std::unique_ptr<llvm::MCStreamer> streamer(target->createMCObjectStreamer(
      triple, context, std::move(backend), std::move(writer), std::move(emitter), *subtarget));
  const std::unique_ptr<llvm::MCAsmParser> parser(createMCAsmParser(sources, context, *streamer, *asm_info));
  const std::unique_ptr<llvm::MCTargetAsmParser> target_parser(
      target->createMCAsmParser(*subtarget, *parser, *inst_info, options));
  parser->setTargetParser(*target_parser);
  if (parser->Run(/*NoInitialTextSection=*/false) || !first_error.empty()) {
    return fail(first_error.empty() ? "the assembler refuses the text" : first_error);
  }
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "memory"));
  if (!file) return fail(llvm::toString(file.takeError()));
  return read(**file);
}

}  // namespace

Expected<std::vector<uint8_t>> assemble(IsaKind isa, std::string_view text, Forms forms) {
  using Bytes = std::vector<uint8_t>;
  return with_object<Bytes>(isa, text, forms, [](const llvm::object::ObjectFile& file) -> Expected<Bytes> {
    for (const llvm::object::SectionRef& section : file.sections()) {
      auto name = section.getName();
      if (!name) return fail(llvm::toString(name.takeError()));
      if (*name != ".text") continue;
      auto contents = section.getContents();
      if (!contents) return fail(llvm::toString(contents.takeError()));
      return Bytes(contents->begin(), contents->end());
    }
    return fail("no text section");
  });
}

Expected<std::vector<AssembledRelocation>> relocations_of(IsaKind isa, std::string_view text) {
  using Relocations = std::vector<AssembledRelocation>;
  return with_object<Relocations>(isa, text, Forms::Long,
                                  [](const llvm::object::ObjectFile& file) -> Expected<Relocations> {
                                    Relocations out;
                                    for (const llvm::object::SectionRef& section : file.sections()) {
                                      auto contents = section.getContents();
                                      if (!contents) return fail(llvm::toString(contents.takeError()));
                                      // Elf64_Rela: place, what, addend; LLVM's own accessor of addends does not
                                      // compile as C++23.
                                      constexpr size_t kEntry = 24, kAddend = 16;
                                      size_t at = 0;
                                      for (const llvm::object::RelocationRef& relocation : section.relocations()) {
                                        llvm::SmallString<32> type;
                                        relocation.getTypeName(type);
                                        if (at + kEntry > contents->size())
                                          return fail("a relocation without an addend");
                                        const auto addend = llvm::support::endian::read<int64_t>(
                                            contents->data() + at + kAddend,
                                            file.isLittleEndian() ? llvm::endianness::little : llvm::endianness::big);
                                        at += kEntry;
                                        out.push_back({relocation.getOffset(), std::string(type.str()), addend});
                                      }
                                    }
                                    return out;
                                  });
}

}  // namespace assay::verify
