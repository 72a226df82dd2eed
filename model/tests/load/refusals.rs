//! Every refusal, at its place, with what is wrong and what would be right.
