// A pass for clang (-fpass-plugin) that makes the compiler's own decisions changeable while it runs: what_if.h says
// what for. It runs before anything is optimised, so a place belongs to the function that it was written in.
//
// Every place gets a record { function, file, line, kind, change, ran } in the section `assay_places` and reads its
// `change` each time it is passed; 0 changes nothing. Only functions of .cpp files count: those of headers are shared.
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Demangle/Demangle.h>
#include <llvm/IR/DebugInfoMetadata.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Transforms/Utils/ModuleUtils.h>

#include "compiler/support/what_if.h"

namespace {

using namespace llvm;
using assay::WhatIfKind;

class WhatIf : public PassInfoMixin<WhatIf> {
 public:
  PreservedAnalyses run(Module& module, ModuleAnalysisManager&) {
    module_ = &module;
    LLVMContext& context = module.getContext();
    pointer_ = PointerType::getUnqual(context);
    byte_ = Type::getInt8Ty(context);
    word_ = Type::getInt32Ty(context);
    record_ = StructType::get(context, {pointer_, pointer_, word_, byte_, byte_, byte_, byte_});
    for (Function& function : module) {
      if (is_wanted(function)) instrument(function);
    }
    if (records_.empty()) return PreservedAnalyses::all();
    ArrayType* type = ArrayType::get(record_, records_.size());
    auto* table = new GlobalVariable(module, type, false, GlobalValue::InternalLinkage,
                                     ConstantArray::get(type, records_), "assay_places_of_file");
    table->setSection("assay_places");
    table->setAlignment(Align(8));
    appendToUsed(module, {table});
    // Places were made before it was known how many there are.
    placeholder_->replaceAllUsesWith(table);
    placeholder_->eraseFromParent();
    return PreservedAnalyses::none();
  }
  static bool isRequired() { return true; }

 private:
  static bool is_wanted(const Function& function) {
    const DISubprogram* info = function.getSubprogram();
    return !function.isDeclaration() && info != nullptr && info->getFilename().ends_with(".cpp") && is_ours(&function);
  }

  void instrument(Function& function) {
    IRBuilder<> strings(&*function.getEntryBlock().getFirstInsertionPt());
    function_ = strings.CreateGlobalString(demangle(function.getName().str()), "", 0, module_);
    file_ = strings.CreateGlobalString(function.getSubprogram()->getFilename(), "", 0, module_);
    std::vector<Instruction*> all;
    for (Instruction& inst : instructions(function)) all.push_back(&inst);
    // That the function ran at all.
    IRBuilder<> entry(&*function.getEntryBlock().getFirstInsertionPt());
    note(entry, place(function.getSubprogram()->getLine(), WhatIfKind::Entry), entry.getInt8(1));
    DominatorTree dominators(function);
    const LoopInfo loops(dominators);
    for (Instruction* inst : all) {
      // Whether a loop goes on, asked at its head, is nearly always whether there is another element.
      const Loop* loop = loops.getLoopFor(inst->getParent());
      const bool is_loop_end = loop != nullptr && loop->getHeader() == inst->getParent() && inst->isTerminator();
      if (!is_loop_end) change(inst);
    }
  }

  void change(Instruction* inst) {
    const unsigned line = inst->getDebugLoc() ? inst->getDebugLoc().getLine() : 0;
    IRBuilder<> at(inst);
    if (auto* branch = dyn_cast<BranchInst>(inst); branch != nullptr && branch->isConditional()) {
      branch->setCondition(negated(at, branch->getCondition(), place(line, WhatIfKind::Condition)));
    } else if (auto* select = dyn_cast<SelectInst>(inst);
               select != nullptr && select->getCondition()->getType()->isIntegerTy(1)) {
      select->setCondition(negated(at, select->getCondition(), place(line, WhatIfKind::Condition)));
    } else if (auto* back = dyn_cast<ReturnInst>(inst); back != nullptr && back->getReturnValue() != nullptr &&
                                                        back->getReturnValue()->getType()->isIntegerTy(1)) {
      back->setOperand(0, negated(at, back->getReturnValue(), place(line, WhatIfKind::Answer)));
    } else if (auto* operation = dyn_cast<BinaryOperator>(inst); operation != nullptr &&
                                                                 operation->getType()->isIntegerTy() &&
                                                                 operation->getType()->getIntegerBitWidth() >= 8) {
      change_number(operation, place(line, WhatIfKind::Number));
    } else if (auto* compare = dyn_cast<ICmpInst>(inst);
               compare != nullptr && compare->isRelational() && compare->getOperand(0)->getType()->isIntegerTy()) {
      change_limit(compare, place(line, WhatIfKind::Limit));
    } else if (auto* store = dyn_cast<StoreInst>(inst);
               store != nullptr && !isa<AllocaInst>(store->getPointerOperand()->stripPointerCasts())) {
      change_kept(store->getOperandUse(0), line);
    } else if (auto* call = dyn_cast<CallInst>(inst); call != nullptr && is_ours(call->getCalledFunction())) {
      for (Use& argument : call->args()) {
        if (isa<ConstantInt>(argument.get())) change_kept(argument, line);
      }
    }
  }

  static bool is_ours(const Function* function) {
    return function != nullptr &&
           (function->getName().starts_with("_ZN5assay") || function->getName().starts_with("_ZNK5assay"));
  }

  // The address of a new record.
  Constant* place(unsigned line, WhatIfKind kind) {
    const auto byte = [&](unsigned value) { return ConstantInt::get(byte_, value); };
    if (placeholder_ == nullptr) {
      placeholder_ = new GlobalVariable(*module_, byte_, false, GlobalValue::ExternalLinkage, nullptr, "assay_places_");
    }
    records_.push_back(ConstantStruct::get(
        record_, {function_, file_, ConstantInt::get(word_, line), byte(unsigned(kind)), byte(0), byte(0), byte(0)}));
    return ConstantExpr::getInBoundsGetElementPtr(byte_, placeholder_,
                                                  ConstantInt::get(word_, 24 * (records_.size() - 1)));
  }
  // Fields of a record: after two pointers and a word.
  Value* change_of(IRBuilder<>& at, Constant* place) {
    return at.CreateLoad(byte_, at.CreateConstInBoundsGEP1_32(byte_, place, 21), true);
  }
  void note(IRBuilder<>& at, Constant* place, Value* bits) {
    Value* field = at.CreateConstInBoundsGEP1_32(byte_, place, 22);
    at.CreateStore(at.CreateOr(at.CreateLoad(byte_, field), bits), field);
  }

  Value* negated(IRBuilder<>& at, Value* condition, Constant* place) {
    note(at, place, at.CreateSelect(condition, at.getInt8(1), at.getInt8(2)));
    return at.CreateXor(condition, at.CreateIsNotNull(change_of(at, place)));
  }

  // 1: one more; 2: one less; 3: the left operand alone; 4: the right one.
  void change_number(BinaryOperator* operation, Constant* place) {
    IRBuilder<> at(operation);
    note(at, place, at.getInt8(1));
    Value* change = change_of(at, place);
    Value* value = at.Insert(operation->clone());
    Value* one = ConstantInt::get(operation->getType(), 1);
    Value* const options[] = {at.CreateAdd(value, one), at.CreateSub(value, one), operation->getOperand(0),
                              operation->getOperand(1)};
    operation->replaceAllUsesWith(chosen(at, change, value, options));
    operation->eraseFromParent();
  }
  // `value`, or by `change` one of the options, from 1.
  static Value* chosen(IRBuilder<>& at, Value* change, Value* value, ArrayRef<Value*> options) {
    for (unsigned i = 0; i < options.size(); ++i) {
      value = at.CreateSelect(at.CreateICmpEQ(change, at.getInt8(static_cast<uint8_t>(i + 1))), options[i], value);
    }
    return value;
  }

  void change_limit(ICmpInst* compare, Constant* place) {
    IRBuilder<> at(compare);
    note(at, place, at.getInt8(1));
    Value* value = at.Insert(compare->clone());
    const CmpInst::Predicate predicate = compare->getPredicate();
    Value* other = at.CreateICmp(CmpInst::isStrictPredicate(predicate) ? CmpInst::getNonStrictPredicate(predicate)
                                                                       : CmpInst::getStrictPredicate(predicate),
                                 compare->getOperand(0), compare->getOperand(1));
    compare->replaceAllUsesWith(at.CreateSelect(at.CreateIsNotNull(change_of(at, place)), other, value));
    compare->eraseFromParent();
  }

  // What `use` hands on: a truth value (a byte in memory), or a number that is not made by arithmetic, which is a place
  // already.
  void change_kept(Use& use, unsigned line) {
    Value* value = use.get();
    if (!value->getType()->isIntegerTy() || isa<BinaryOperator>(value)) return;
    const unsigned bits = value->getType()->getIntegerBitWidth();
    IRBuilder<> at(cast<Instruction>(use.getUser()));
    const auto* extension = dyn_cast<ZExtInst>(value);
    const auto* constant = dyn_cast<ConstantInt>(value);
    const bool is_small = constant != nullptr && constant->getValue().ule(1);
    if (bits == 1 || (bits == 8 && (is_small || (extension != nullptr && extension->getSrcTy()->isIntegerTy(1))))) {
      Constant* flag = place(line, WhatIfKind::Flag);
      note(at, flag, at.getInt8(1));
      use.set(at.CreateXor(value, at.CreateZExtOrTrunc(at.CreateIsNotNull(change_of(at, flag)), value->getType())));
      return;
    }
    if (bits < 8) return;
    Constant* kept = place(line, WhatIfKind::Kept);
    note(at, kept, at.getInt8(1));
    const auto more = [&](int64_t amount) {
      return at.CreateAdd(value, ConstantInt::get(value->getType(), static_cast<uint64_t>(amount), true));
    };
    use.set(chosen(at, change_of(at, kept), value, {more(1), more(-1), more(8), more(-8)}));
  }

  Module* module_ = nullptr;
  PointerType* pointer_ = nullptr;
  Type *byte_ = nullptr, *word_ = nullptr;
  StructType* record_ = nullptr;
  Constant *function_ = nullptr, *file_ = nullptr;
  GlobalVariable* placeholder_ = nullptr;
  std::vector<Constant*> records_;
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "what-if", "1", [](PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](ModulePassManager& passes, OptimizationLevel) { passes.addPass(WhatIf()); });
          }};
}
