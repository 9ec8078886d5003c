import * as entry from "wasm-attention";
import * as io from "wasm-attention/io";
import * as nn from "wasm-attention/nn";
import * as slim from "wasm-attention/slim";
import * as train from "wasm-attention/train";
import { attempt } from "./attempt.js";

attempt({ entry, slim, nn, io, train });
