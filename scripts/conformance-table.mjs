// Writes the tables of docs/conformance.md: runs the conformance tests in both arithmetics and sets down, case by case,
// what became of them. Fails, and leaves the page alone, where a case has no result.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs/conformance.md");
const begin = "<!-- begin: written by scripts/conformance-table.mjs -->";
const end = "<!-- end -->";

/**
 * A case as its file records it.
 * @typedef {object} Case
 * @property {string} name
 * @property {string} operator
 * @property {number} opset
 * @property {Record<string, number | string>} attributes
 * @property {string[]} inputs
 * @property {string[]} outputs
 * @property {number} [rtol]
 * @property {number} [atol]
 * @property {string[]} [tolerances]    the outputs, where each element has a tolerance of its own
 */

/**
 * Which arithmetics a case passed in, and which it ran in.
 * @typedef {Record<"passed" | "run", string[]>} Outcome
 */

/** The cases of a data file, and the shapes of its tensors. */
function readCases(/** @type {string} */ file) {
  const bytes = readFileSync(join(root, "test/conformance", `${file}.safetensors`));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = /** @type {Record<string, { shape: number[] }> & { __metadata__: { cases: string } }} */ (
    /** @type {unknown} */ (JSON.parse(bytes.toString("utf8", 8, 8 + length)))
  );
  const cases = /** @type {Case[]} */ (JSON.parse(header.__metadata__.cases));
  return cases.map((record) => ({
    ...record,
    shapeOf: (/** @type {string} */ input) => header[`${record.name}/inputs/${input}`].shape,
  }));
}

/** @typedef {ReturnType<typeof readCases>[number]} StoredCase */

/** Every case's outcome by name. */
function runTests() {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const report = join(folder, "report.json");
  try {
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const options = ["--reporter=json", `--outputFile=${report}`];
    try {
      execFileSync(process.execPath, [vitest, "run", "test/conformance/", ...options], { cwd: root, stdio: "inherit" });
    } catch {
      // A failed case is a result too.
    }
    const { testResults } = /** @type {{ testResults: { assertionResults: Assertion[] }[] }} */ (
      JSON.parse(readFileSync(report, "utf8"))
    );
    /** @type {Map<string, Outcome>} */
    const outcomes = new Map();
    for (const { ancestorTitles, status, title } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
      const name = /^[\w/]+: (\w+)$/.exec(title)?.[1];
      if (name === undefined || (status !== "passed" && status !== "failed")) continue;
      const outcome = outcomes.get(name) ?? { passed: [], run: [] };
      const arithmetic = ancestorTitles[0].split(" ")[0];
      outcome.run.push(arithmetic);
      if (status === "passed") outcome.passed.push(arithmetic);
      outcomes.set(name, outcome);
    }
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @typedef {{ ancestorTitles: string[], status: string, title: string }} Assertion */

const outcomes = runTests();

function outcomeOf(/** @type {string} */ name) {
  const outcome = outcomes.get(name);
  if (outcome === undefined || outcome.run.join() !== "separate,fused") {
    throw new Error(`${name}: expected a result in both arithmetics, got ${outcome?.run.join(" and ") || "none"}`);
  }
  return outcome;
}

const resultOf = (/** @type {string} */ name) => {
  const { passed } = outcomeOf(name);
  return passed.length === 2 ? "pass" : `**fail** (passes: ${passed.join() || "none"})`;
};

/** Numbers of ONNX's float32 attributes, without the digits that the widening to float64 added. */
const plain = (/** @type {unknown} */ value) => (typeof value === "number" ? Number(value.toPrecision(7)) : value);

const code = (/** @type {string} */ name, /** @type {unknown} */ value = undefined) =>
  value === undefined ? `\`${name}\`` : `\`${name}: ${JSON.stringify(plain(value))}\``;

/** The options that an attribute of ONNX becomes as it is. */
const attentionNames = /** @type {const} */ ({
  q_num_heads: "numHeads",
  kv_num_heads: "numKvHeads",
  scale: "scale",
  softcap: "softcap",
  left_window_size: "leftWindowSize",
  right_window_size: "rightWindowSize",
});

function attentionOptions(/** @type {StoredCase} */ { inputs, outputs, attributes }) {
  const options = [];
  if (inputs.includes("attn_mask")) options.push(code("attnMask"));
  if (attributes.is_causal === 1) options.push(code("isCausal", true));
  if (inputs.includes("nonpad_kv_seqlen")) {
    options.push(code("keyLengths"), code("causalAlignment", "lower-right"));
  }
  if (inputs.includes("past_key")) options.push(code("pastKey"), code("pastValue"));
  for (const [name, ours] of Object.entries(attentionNames)) {
    if (name in attributes) options.push(code(ours, attributes[name]));
  }
  if (outputs.includes("qk_matmul_output")) options.push(code("weightsMode", attributes.qk_matmul_output_mode ?? 0));
  if ("softmax_precision" in attributes) options.push("(its `softmax_precision` has no counterpart)");
  return options;
}

function rotaryOptions(/** @type {StoredCase} */ { inputs, attributes }) {
  const options = [code("cosine"), code("sine")];
  if (inputs.includes("position_ids")) options.push(code("positionIds"));
  if (attributes.interleaved === 1) options.push(code("interleaved", true));
  if ("rotary_embedding_dim" in attributes) options.push(code("rotaryDim", attributes.rotary_embedding_dim));
  if ("num_heads" in attributes) options.push(code("numHeads", attributes.num_heads));
  return options;
}

function normalizationArguments(/** @type {StoredCase} */ { attributes, shapeOf }) {
  const epsilon = /** @type {number} */ (attributes.epsilon ?? 1e-5);
  return [code("normalizedShape", shapeOf("X").slice(Number(attributes.axis ?? -1))), code("epsilon", epsilon)];
}

const operators = [
  {
    file: "attention",
    title: "Attention",
    text: "`scaledDotProductAttention`. rtol 1e-5, atol 1e-7; float16 outputs rtol 2^-8, bfloat16 2^-6, since ONNX's\nreference rounds each step to 16 bits, and we round once, at the end.",
    options: attentionOptions,
  },
  {
    file: "rotary_embedding",
    title: "RotaryEmbedding",
    text: "`rotaryEmbedding`. rtol 1e-5, atol 1e-6.",
    options: rotaryOptions,
  },
  {
    file: "layer_normalization",
    title: "LayerNormalization",
    text: "`layerNorm`. rtol 1e-5, atol 1e-6. The operator's further outputs, `Mean` and `InvStdDev`, which serve training, are\nnot applicable: `layerNorm` gives `Y` alone, as PyTorch's does.",
    options: normalizationArguments,
  },
  {
    file: "rms_normalization",
    title: "RMSNormalization",
    text: "`rmsNorm`. rtol 1e-5, atol 1e-6.",
    options: normalizationArguments,
  },
  {
    file: "gelu",
    title: "Gelu",
    text: "`gelu`. rtol 1e-5, atol 1e-6.",
    options: (/** @type {StoredCase} */ { attributes }) =>
      "approximate" in attributes ? [code("approximate", attributes.approximate)] : [],
  },
];

/** What the groups of PyTorch's and transformers' cases vary; a case belongs to the first group whose pattern its name matches. */
const groups = {
  "pytorch/scaled_dot_product_attention": /** @type {[RegExp, string][]} */ ([
    [/^sdpa_dense/, "sizes off every tile: L from 1 to 33, S to 129, D and Dv to 80"],
    [/^sdpa_causal_[ul]/, "both causal alignments, L < S, L = S, L > S"],
    [/^sdpa_causal/, "`is_causal` over the sizes"],
    [/^sdpa_mask/, "boolean and float masks of every shape that broadcasts"],
    [/^sdpa_rows/, "masks that hide or open whole rows, -1e30, the lowest float32"],
    [/^sdpa_grouped/, "fewer key heads than query heads"],
    [/^sdpa_scale/, "scale 0, negative, large, small; saturated softmax"],
    [/^sdpa_float16/, "float16"],
    [/^sdpa_bfloat16/, "bfloat16"],
    [/^sdpa_rank2/, "inputs `[L, D]`"],
    [/^sdpa_rank3/, "inputs `[B, L, D]`"],
    [/^sdpa_transposed/, '`layout: "BLHD"`; torch ran on transposed views'],
    [/^sdpa_empty/, "no batch, no queries, no keys"],
  ]),
  "pytorch/multihead_attention": /** @type {[RegExp, string][]} */ ([
    [/^mha_constructor/, "the constructor's arguments in all combinations"],
    [/^mha_batched/, "kinds of padding mask and attention mask, batched"],
    [/^mha_unbatched/, "the same, unbatched"],
    [/^mha_extra/, "`add_bias_kv`, `add_zero_attn`"],
    [/^mha_causal/, "`is_causal`, with masks and with extra keys"],
    [/^mha_rows/, "queries that see no key"],
    [/^mha_size/, "sizes"],
    [/^mha_self/, "query, key and value the same; dropout in evaluation"],
    [/^mha_empty/, "no batch, no queries"],
    [/^mha_state/, "names, shapes and order of a fresh module's state dict"],
  ]),
  "pytorch/linear": /** @type {[RegExp, string][]} */ ([
    [/^linear_module_alone/, "`nn.Linear` alone"],
    [/^linear_module_gelu/, "and `gelu`, exact and tanh"],
    [/^linear_module_silu/, "and `silu`"],
    [/^linear_module_relu/, "and `relu`"],
  ]),
  "pytorch/functional": /** @type {[RegExp, string][]} */ ([
    [/^layer_norm/, "`layer_norm`"],
    [/^rms_norm/, "`rms_norm`"],
    [/^gelu/, "`gelu`, exact and tanh, NaN and infinities"],
    [/^silu/, "`silu`"],
    [/^relu/, "`relu`"],
    [/^softmax/, "`softmax` over the last axis"],
    [/^linear/, "`linear`, with and without bias"],
    [/^embedding/, "`embedding`"],
  ]),
  "pytorch/scaled_dot_product_attention_gradients": /** @type {[RegExp, string][]} */ ([
    [/^gradient_sdpa_dense/, "sizes off every tile"],
    [/^gradient_sdpa_causal/, "`is_causal` over the sizes"],
    [/^gradient_sdpa_mask_boolean/, "boolean masks of every shape that broadcasts"],
    [/^gradient_sdpa_mask_float/, "float masks, with their own gradient"],
    [/^gradient_sdpa_hidden/, "masks that hide keys and whole rows, -1e9"],
    [/^gradient_sdpa_grouped/, "fewer key heads than query heads"],
    [/^gradient_sdpa_scale/, "scale 0, negative, large, small; saturated softmax"],
    [/^gradient_sdpa_rank/, "inputs `[L, D]` and `[B, L, D]`"],
    [/^gradient_sdpa_half/, "operands of float16 and bfloat16"],
    [/^gradient_sdpa_empty/, "no batch, no queries"],
  ]),
  "pytorch/composed_attention_gradients": /** @type {[RegExp, string][]} */ ([
    [/^gradient_attention_softcap/, "softcap"],
    [/^gradient_attention_slopes/, "ALiBi, with the slopes' gradient"],
    [/^gradient_attention_sinks/, "sinks, with their gradient"],
    [/^gradient_attention_window/, "windows"],
    [/^gradient_attention_(scale|all)/, "several of these together"],
    [/^gradient_attention_scores/, "through the scores"],
    [/^gradient_attention_hidden/, "rows that see nothing but the sink"],
  ]),
  "pytorch/multihead_attention_gradients": /** @type {[RegExp, string][]} */ ([
    [/^gradient_mha_constructor/, "the constructor's arguments in all combinations"],
    [/^gradient_mha_(un)?batched/, "kinds of padding mask and attention mask; float ones with their gradient"],
    [/^gradient_mha_weights/, "through the returned weights, averaged and of each head"],
    [/^gradient_mha_causal/, "`is_causal`"],
    [/^gradient_mha_rows/, "queries that see no key"],
    [/^gradient_mha_size/, "sizes"],
  ]),
  "pytorch/functional_gradients": /** @type {[RegExp, string][]} */ ([
    [/^gradient_half/, "operands of float16 and bfloat16"],
    [/^gradient_layer_norm/, "`layer_norm`"],
    [/^gradient_rms_norm/, "`rms_norm`"],
    [/^gradient_(gelu|silu|relu|sigmoid|tanh)/, "`gelu`, exact and tanh, `silu`, `relu`, `sigmoid`, `tanh`"],
    [/^gradient_(log_)?softmax/, "`softmax` and `log_softmax` along every axis"],
    [/^gradient_linear/, "`linear`, with and without an activation after it"],
    [/^gradient_embedding/, "`embedding`, with `padding_idx`"],
    [/^gradient_(add|mul)/, "`add` and `mul` with broadcasting"],
    [/^gradient_matmul/, "`matmul` with batches that broadcast"],
    [/^gradient_(sum|mean)/, "`sum` and `mean`"],
    [/^gradient_(cat|narrow|transpose|topk)/, "`cat`, `narrow`, `transpose`, the values of `topk`"],
    [/^gradient_(normalize|swiglu|rotary|masked_mean)/, "`normalize`; SwiGLU, rotary embedding, masked mean, composed"],
    [/^gradient_conv1d/, "`conv1d` with stride, padding, dilation and groups"],
  ]),
  "pytorch/layers": /** @type {[RegExp, string][]} */ ([
    [/^layer_LayerNorm/, "`nn.LayerNorm`, without bias or affine too"],
    [/^layer_RMSNorm/, "`nn.RMSNorm`"],
    [/^layer_Embedding/, "`nn.Embedding`, with `padding_idx`"],
    [/^layer_Conv1d/, "`nn.Conv1d` with stride, padding, dilation and groups"],
    [/^layer_FeedForward_swiglu/, "`LlamaMLP` of transformers"],
    [/^layer_FeedForward/, "the feed-forward part of `nn.TransformerEncoderLayer`, with six activations"],
    [/^layer_PositionalEncodingState/, "the sinusoidal table, in float64"],
    [/^layer_PositionalEncoding/, "the tutorial's `PositionalEncoding`; learned positions"],
    [/^layer_Sequential/, "`nn.Sequential`, nested too"],
  ]),
  "pytorch/losses": /** @type {[RegExp, string][]} */ ([
    [/^loss_cross_entropy/, "`cross_entropy`: weights, ignored and smoothed classes, targets that are probabilities"],
    [/^loss_binary/, "`binary_cross_entropy_with_logits`, with `weight` and `pos_weight`"],
    [/^loss_mse/, "`mse_loss`"],
    [/^loss_ctc/, "`ctc_loss`, at the logits"],
    [/^loss_distillation/, "distillation, composed of `kl_div`"],
  ]),
  "pytorch/optimizers": /** @type {[RegExp, string][]} */ ([
    [/^optimizer_sgd/, "20 steps of `SGD`"],
    [/^optimizer_adam_/, "20 steps of `Adam`"],
    [/^optimizer_adamw_/, "20 steps of `AdamW`"],
    [/^clip_grad_norm/, "`clip_grad_norm_`, NaN and infinities too"],
    [/^one_cycle/, "`OneCycleLR`"],
  ]),
  "pytorch/gpt_run": /** @type {[RegExp, string][]} */ ([[/^gpt_run/, "50 steps: the loss of each"]]),
  "pytorch/encoder_decoder_run": /** @type {[RegExp, string][]} */ ([
    [/^encoder_decoder_run/, "50 steps: the loss of each"],
  ]),
  "pytorch/sequential_run": /** @type {[RegExp, string][]} */ ([[/^sequential_run/, "50 steps: the loss of each"]]),
  "peft/lora": /** @type {[RegExp, string][]} */ ([
    [/^lora_(all|defaults)/, "layers, ranks, scaling, `AdamW` and `SGD`"],
    [/^lora_(expression|path_ends)/, "targets by expression, by the ends of paths"],
    [/^lora_(rslora|patterns)/, "`use_rslora`, `rank_pattern`, `alpha_pattern`"],
    [/^lora_(modules|bfloat16)/, "`modules_to_save`; a file of bfloat16"],
  ]),
  "pytorch/transformer_modules": /** @type {[RegExp, string][]} */ ([
    [
      /^TransformerEncoderLayer_(constructor|eps|size|unbatched)/,
      "`TransformerEncoderLayer`: the constructor's arguments",
    ],
    [/^TransformerEncoderLayer/, "… masks of every kind, `is_causal`, tokens that see nothing"],
    [
      /^TransformerDecoderLayer_(constructor|eps|size|unbatched)/,
      "`TransformerDecoderLayer`: the constructor's arguments",
    ],
    [/^TransformerDecoderLayer/, "… masks of every kind, of the target and of the memory"],
  ]),
  "pytorch/transformer_stacks": /** @type {[RegExp, string][]} */ ([
    [/^TransformerEncoder/, "`TransformerEncoder`, with and without a norm"],
    [/^TransformerDecoder/, "`TransformerDecoder`, with and without a norm"],
    [/^Transformer_/, "`Transformer`"],
  ]),
  "pytorch/transformer_runs": /** @type {[RegExp, string][]} */ ([[/_run$/, "20 steps: the loss of each"]]),
  "transformers/schedules": /** @type {[RegExp, string][]} */ ([
    [/^schedule_constant/, "constant, with and without warmup"],
    [/^schedule_linear/, "linear"],
    [/^schedule_cosine/, "cosine, to 0 and to a least rate"],
    [/^schedule_inverse/, "inverse square root"],
  ]),
  "keras/fit": /** @type {[RegExp, string][]} */ ([
    [/^fit_stopping/, "early stopping: patience, least improvement, best weights"],
    [/^fit_(shuffled|everything)/, "shuffled in the package's order"],
    [/^fit_validation/, "a fraction for validation"],
    [/^fit_(cosine|linear|clipped)/, "schedules; gradients clipped by their norm"],
    [/^fit_(sgd|dense|momentum|nesterov|adam)/, "optimizers"],
    [/^fit_(one_batch|single|whole)/, "batch sizes"],
    [/^fit_ragged/, "sequences of different lengths"],
  ]),
  "metrics/metrics": /** @type {[RegExp, string][]} */ ([
    [/^accuracy/, "accuracy: ignored targets, masks, ties, dtypes"],
    [/^f1/, "F1 of the same, macro and weighted"],
    [/^perplexity/, "perplexity of the same"],
    [/^bleu/, "BLEU: one and several references, three ways of telling words, no matches"],
    [/^word/, "word error rate"],
    [/^character/, "character error rate"],
  ]),
  "transformers/rope_scaling": /** @type {[RegExp, string][]} */ ([
    [/^rope_default/, "no scaling"],
    [/^rope_linear/, '`ropeType: "linear"`'],
    [/^rope_dynamic/, '`ropeType: "dynamic"`, positions within and beyond the trained length'],
    [/^rope_yarn/, '`ropeType: "yarn"`, with every option'],
    [/^rope_llama3/, '`ropeType: "llama3"`'],
  ]),
};

const table = (/** @type {string[]} */ head, /** @type {string[][]} */ rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const countPassed = (/** @type {Case[]} */ cases) => cases.filter(({ name }) => resultOf(name) === "pass").length;

function onnxSection() {
  const stored = operators.map(({ file }) => /** @type {StoredCase[]} */ (readCases(`onnx/${file}`)));
  const opsetsOf = (/** @type {Case[]} */ cases) => [...new Set(cases.map(({ opset }) => opset))].sort().join(", ");
  const summary = operators.map(({ title }, index) => [
    `[${title}](#${title.toLowerCase()})`,
    opsetsOf(stored[index]),
    String(stored[index].length),
    String(countPassed(stored[index])),
  ]);
  const sections = operators.map(({ title, text, options }, index) => {
    const rows = stored[index].map((record) => [
      `\`${record.name}\``,
      String(record.opset),
      options(record).join(", ") || "–",
      resultOf(record.name),
    ]);
    return `### ${title}\n\n${text}\n\n${table(["case", "opset", "how it is called here", "result"], rows)}`;
  });
  return ["## ONNX", table(["operator", "opset", "cases", "pass"], summary), ...sections].join("\n\n");
}

function groupsSection(/** @type {string} */ title, /** @type {string} */ folder) {
  const files = Object.entries(groups).filter(([file]) => file.startsWith(folder));
  const sections = files.map(([file, patterns]) => {
    const cases = readCases(file);
    /** @type {Map<string, StoredCase[]>} */
    const members = new Map(patterns.map(([, text]) => [text, []]));
    for (const record of cases) {
      const text = patterns.find(([pattern]) => pattern.test(record.name))?.[1];
      if (text === undefined) throw new Error(`${record.name}: no group of ${file} takes it`);
      members.get(text)?.push(record);
    }
    const power = (/** @type {number} */ x) =>
      Number.isInteger(Math.log2(x)) ? `2^${Math.log2(x)}` : x.toExponential();
    const boundsOf = (/** @type {StoredCase[]} */ own) =>
      new Set(
        own.map(({ rtol, atol, tolerances }) => {
          if (tolerances !== undefined) return "each element's";
          return rtol && atol ? `${power(rtol)}, ${power(atol)}` : "equal";
        }),
      );
    const rows = [...members].map(([text, own]) => {
      return [text, String(own.length), String(countPassed(own)), [...boundsOf(own)].join("; ")];
    });
    rows.push(["**all**", String(cases.length), String(countPassed(cases)), ""]);
    return `### ${file.slice(folder.length)}\n\n${table(["what varies", "cases", "pass", "rtol, atol"], rows)}`;
  });
  return [`## ${title}`, ...sections].join("\n\n");
}

const text = readFileSync(page, "utf8");
const [start, stop] = [text.indexOf(begin), text.indexOf(end)];
if (start < 0 || stop < start) throw new Error(`${page}: expected the lines ${begin} and ${end}`);
const sections = [
  onnxSection(),
  groupsSection("PyTorch", "pytorch/"),
  groupsSection("transformers", "transformers/"),
  groupsSection("Keras", "keras/"),
  groupsSection("Metrics", "metrics/"),
  groupsSection("PEFT", "peft/"),
];
const generated = `${begin}\n\n${sections.join("\n\n")}\n\n`;
writeFileSync(page, text.slice(0, start) + generated + text.slice(stop));
