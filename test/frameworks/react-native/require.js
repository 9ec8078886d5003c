const { attempt } = require("./attempt.js");

attempt({
  entry: require("wasm-attention"),
  slim: require("wasm-attention/slim"),
  nn: require("wasm-attention/nn"),
  io: require("wasm-attention/io"),
  train: require("wasm-attention/train"),
});
