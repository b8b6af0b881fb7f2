// A family without BF16 products: every cache by attention_float.inl.
// Needs: attention_float.

inline void load_query(const AttentionPlan& p, const float* q_c, const float* q_pe, float* q) {
  load_query_float(p, q_c, q_pe, q);
}

template <class T>
void attend_group(const AttentionPlan& p, const GroupBlock& b, const AttentionScratch& own) {
  attend_group_float<T>(p, b, own.block);
}
