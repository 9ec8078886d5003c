exports.Tensor = require("wasm-attention").Tensor;
exports.SGD = require("wasm-attention/train").SGD;
