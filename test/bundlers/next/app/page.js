"use client";
import { useEffect } from "react";
import { attendInBoth } from "../attend.js";

export default function Page() {
  useEffect(() => {
    // The test reads it.
    globalThis.result = attendInBoth();
  }, []);
  return "Attention";
}
