"use client";
import { useEffect } from "react";
import { learn } from "../../learn-by-loss.js";

export default function Page() {
  useEffect(() => {
    // The test reads it.
    globalThis.result = learn();
  }, []);
  return "Learning";
}
