/** examples/edge-function: its text logic and its answers. test/examples runs it in the hosts that it is for. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { answer } from "../../examples/edge-function/answer.js";
import { embedSpelling } from "../../examples/edge-function/spelling.js";
import { isWord, sentencesOf, tokenize } from "../../examples/edge-function/tokens.js";

interface Row {
  readonly token: string;
  readonly attendsTo: readonly { readonly index: number; readonly token: string; readonly weight: number }[];
}

interface Attention {
  readonly tokens: readonly string[];
  readonly queryTokens?: readonly string[];
  readonly attention: readonly Row[];
  readonly keywords?: readonly { readonly word: string; readonly weight: number }[];
  readonly sentences: readonly { readonly text: string; readonly weight: number }[];
}

const file = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const separate = new WebAssembly.Module(readFileSync(file("ts/wasm/separate.wasm")));

/** The answer to a good request. */
async function attend(content: object): Promise<Attention> {
  const headers = { "content-type": "application/json" };
  const request = new Request("https://example.com/", { method: "POST", headers, body: JSON.stringify(content) });
  const response = await answer(request, separate);
  const body = (await response.json()) as Attention;
  expect(response.status, JSON.stringify(body)).toBe(200);
  expect(response.headers.get("x-bytes-in-use")).toBe("0");
  return body;
}

const lengthOf = (vector: Float32Array): number => Math.hypot(...vector);

describe("tokens", () => {
  it("are words and marks, in any script", () => {
    expect(tokenize("Don't  panic: π ≈ 3.14!")).toEqual(["Don't", "panic", ":", "π", "≈", "3.14", "!"]);
    expect(tokenize("привет, мир")).toEqual(["привет", ",", "мир"]);
    expect(tokenize("こんにちは世界").join("")).toBe("こんにちは世界");
  });

  it("keep what looks like one character together", () => {
    expect(tokenize("👩‍👩‍👧🇪🇺👍🏽")).toEqual(["👩‍👩‍👧", "🇪🇺", "👍🏽"]);
    expect(tokenize("e\u0301te\u0301")).toEqual(["été"]);
  });

  it("are none where nothing can be seen", () => {
    for (const text of ["", " \t\r\n", "\u200b\ufeff\u200e\0", "\ud800"]) expect(tokenize(text)).toEqual([]);
  });

  it("stand in sentences", () => {
    expect(sentencesOf("Is it? It is.\nYes… 本当。はい。")).toEqual(["Is it?", "It is.", "Yes… 本当。", "はい。"]);
    expect(sentencesOf("")).toEqual([]);
  });

  it("are words if there is a letter or a digit", () => {
    expect(["a", "ß", "5", "世"].every(isWord)).toBe(true);
    expect([".", "…", "👍", "🇪🇺"].some(isWord)).toBe(false);
  });
});

describe("spelling", () => {
  const vectorOf = (token: string): Float32Array => embedSpelling([token], 128).data;
  const cosine = (a: string, b: string): number => {
    const other = vectorOf(b);
    return vectorOf(a).reduce((sum, element, index) => sum + element * other[index], 0);
  };

  it("is a vector of length 1", () => {
    for (const token of ["a", "世", "👩‍👩‍👧", "attention", "x".repeat(1000)]) {
      // Float32 elements, 128 of them.
      expect(lengthOf(vectorOf(token))).toBeCloseTo(1, 6);
    }
  });

  it("is the same for what is written differently", () => {
    expect(vectorOf("CAFÉ")).toEqual(vectorOf("cafe\u0301"));
    expect(vectorOf("ｆｕｌｌ")).toEqual(vectorOf("full"));
  });

  it("is alike for forms of a word, and not for others", () => {
    expect(cosine("cats", "cat")).toBeGreaterThan(0.5);
    expect(cosine("recieve", "receive")).toBeGreaterThan(0.3);
    expect(Math.abs(cosine("forest", "quickly"))).toBeLessThan(0.3);
  });
});

describe("answers", () => {
  it("show what each token attends to, never itself", async () => {
    const { tokens, attention } = await attend({ text: "The cat met another cat.", top: 2 });
    expect(tokens).toEqual(["The", "cat", "met", "another", "cat", "."]);
    expect(attention[1]).toMatchObject({ token: "cat", attendsTo: [{ index: 4, token: "cat" }] });
    expect(attention[4]).toMatchObject({ token: "cat", attendsTo: [{ index: 1, token: "cat" }] });
    attention.forEach(({ attendsTo }, row) => expect(attendsTo.map(({ index }) => index)).not.toContain(row));
  });

  it("weigh as the equation says", async () => {
    // The first token has two equal ones, one and three tokens away; e^-10 of the other one rounds to 0.
    const { attention } = await attend({ text: "xyz xyz 世 xyz" });
    const [nearer, farther] = [Math.exp(10 - 1 / 128), Math.exp(10 - 3 / 128)];
    expect(attention[0].attendsTo.map(({ index }) => index)).toEqual([1, 3]);
    for (const [place, score] of [nearer, farther].entries()) {
      expect(attention[0].attendsTo[place].weight).toBeCloseTo(score / (nearer + farther), 4);
    }
  });

  it("of one token attend to nothing, without NaN", async () => {
    expect(await attend({ text: "👍" })).toEqual({
      tokens: ["👍"],
      attention: [{ token: "👍", attendsTo: [] }],
      keywords: [],
      sentences: [],
      trained: false,
    });
  });

  it("rank words that return, and leave out those that say nothing", async () => {
    const text = "The rabbit saw the rabbits. The fox saw a rabbit. The end was near.";
    const { keywords, sentences } = await attend({ text, top: 3 });
    expect(keywords?.map(({ word }) => word)).toEqual(expect.arrayContaining(["rabbit", "saw"]));
    expect(keywords?.map(({ word }) => word)).not.toContain("the");
    expect(sentences[0].text).toBe("The rabbit saw the rabbits.");
  });

  it("find what a query misspells", async () => {
    const text = "Trees grow slowly. Bees recieve the nectar of flowers. Nothing else happens.";
    const { queryTokens, attention, sentences, keywords } = await attend({ text, query: "receive flower", top: 1 });
    expect(queryTokens).toEqual(["receive", "flower"]);
    expect(attention.map(({ attendsTo }) => attendsTo[0].token)).toEqual(["recieve", "flowers"]);
    expect(sentences.map((sentence) => sentence.text)).toEqual(["Bees recieve the nectar of flowers."]);
    expect(keywords).toBeUndefined();
  });

  it("take a query of function words alone as it is", async () => {
    const { sentences } = await attend({ text: "It was he. They left.", query: "he" });
    expect(sentences[0].text).toBe("It was he.");
  });
});

describe("the service worker's example", () => {
  it("has the same text logic, as both folders can be copied alone", () => {
    for (const name of ["function-words.js", "spelling.js", "text-attention.js", "tokens.js"]) {
      const [original, copy] = ["edge-function", "service-worker"].map((folder) =>
        readFileSync(file(`examples/${folder}/${name}`), "utf8"),
      );
      expect(copy, name).toBe(original);
    }
  });
});
