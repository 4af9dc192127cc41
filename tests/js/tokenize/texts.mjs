// SPDX-License-Identifier: Apache-2.0
// Nasty text for tokenizers, written by hand and generated under a seed.
import { seeded } from "./probe.mjs";

export const NASTY = [
  "", " ", "  ", "\n", "\r\n", "\t\t x", "a", " a", "a ", "Hello, world!", "don't DON'T I'LL we'Ve 'S's",
  "naïve café e\u0301 \u1e9b\u0323 a\u0316\u0301 a\u0301\u0316", "가각힣 \u1100\u1161\u11a8 \u1100\u1161", "日本語テキスト。漢字かな交じり文",
  "Привет, мир! Ёжик", "مرحبا بالعالم ١٢٣", "שלום עולם", "नमस्ते दुनिया १२३", "สวัสดีชาวโลก", "👩‍👩‍👧‍👦👍🏽🏳️‍🌈🇩🇪",
  "1234567890 12 345 6,789.01 1e10 ½ ² Ⅷ ①", "0".repeat(100), "a".repeat(5000), "ab".repeat(3000), "é".repeat(2000),
  " ".repeat(1000) + "x", "\n".repeat(300), " \n \n\t\r\n  x  ", "x\u00a0y\u2003z\u3000w", "\u0000\u0001\u001f\u007f\u0085x",
  "<|im_start|>user\nhi<|im_end|>", "<|im_start|", "<|im_start|><|im_start|>", "x<|endoftext|>y <|begin_of_text|>",
  "<think>\n\n</think> <tool_call>{}</tool_call>", "def f(x):\n    return x**2  # ok\n\n\n", "https://a.b/c?d=e&f=g#h",
  "\u200b\u200d\ufe0f\u2060", "\ufeffBOM", "ﬁ ﬂ Å Å Ω", "ı İ ſ ß ẞ ǅ", "'ſ 'ſx 'ſ's", "…—–“”‘’", "\u0301\u0301", "\ufffd\uffff",
  "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠀀𪚥 𐍈", "a\u0300\u0323".repeat(200), "!".repeat(999), "!?".repeat(400) + "\n\n", "\u2028\u2029x\u180ey",
];

export const BROKEN_UTF8 = [
  ["ff", "\ufffd"], ["61ff62", "a\ufffdb"], ["e282", "\ufffd"], ["e28261", "\ufffda"], ["f09f", "\ufffd"],
  ["c080", "\ufffd\ufffd"], ["eda080", "\ufffd\ufffd\ufffd"], ["f4908080", "\ufffd\ufffd\ufffd\ufffd"],
  ["f0808080", "\ufffd\ufffd\ufffd\ufffd"], ["80", "\ufffd"], ["c3a9c3", "é\ufffd"], ["e282ace2", "€\ufffd"],
];

const RANGES = [
  [0x20, 0x7e], [0x20, 0x7e], [0x61, 0x7a], [0x30, 0x39], [0x0, 0x1f], [0xa1, 0x17f], [0x300, 0x34e], [0x391, 0x3a1],
  [0x410, 0x44f], [0x5d0, 0x5ea], [0x621, 0x63a], [0x915, 0x939], [0xe01, 0xe30], [0x1100, 0x1112], [0x1161, 0x1175],
  [0x11a8, 0x11c2], [0x2010, 0x2027], [0x2190, 0x21ff], [0x3041, 0x3096], [0x4e00, 0x9fa5], [0xac00, 0xd7a3],
  [0xfb00, 0xfb06], [0x1d400, 0x1d454], [0x1f300, 0x1f5ff], [0x1f600, 0x1f64f], [0x20000, 0x2a6d6],
];
const PIECES = [
  " ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "n't", "the ", " and", "ing", "123", "4567", "<|im_start|>", "<|im_end|>", "<think>",
  "<|eot_id|>", "\u200d", "\ufe0f", "...", "\n\n", "    ", "\u00a0", "e\u0301", "=>", "://",
];

/** `count` texts: runs from single blocks mixed with pieces that patterns look for. */
export function generate(count, seed) {
  const below = seeded(seed);
  return Array.from({ length: count }, () => {
    let text = "";
    for (let run = 1 + below(8); run > 0; --run) {
      if (below(3) === 0) {
        text += PIECES[below(PIECES.length)];
        continue;
      }
      const [low, high] = RANGES[below(RANGES.length)];
      for (let i = below(12); i >= 0; --i) text += String.fromCodePoint(low + below(high - low + 1));
    }
    return text;
  });
}
