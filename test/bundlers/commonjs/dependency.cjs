exports.Tensor = require("wasm-attention").Tensor;
