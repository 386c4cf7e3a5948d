/** What the library of release v0.5.0 calls itself; structures change from one release to the next. */
export const RELEASE = '0.5.0-dev'

/** `struct llama_model_params` */
export const MODEL_PARAMS = {
  devices: 'void*',
  tensor_buft_overrides: 'void*',
  n_gpu_layers: 'int32_t',
  split_mode: 'int',
  load_mode: 'int',
  lazy_mode: 'int',
  main_gpu: 'int32_t',
  tensor_split: 'void*',
  progress_callback: 'void*',
  progress_callback_user_data: 'void*',
  kv_overrides: 'void*',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
}

/** `struct llama_context_params` */
export const CONTEXT_PARAMS = {
  n_ctx: 'uint32_t',
  n_batch: 'uint32_t',
  n_ubatch: 'uint32_t',
  n_seq_max: 'uint32_t',
  n_rs_seq: 'uint32_t',
  n_outputs_max: 'uint32_t',
  n_outputs_max_per_seq: 'uint32_t',
  n_threads: 'int32_t',
  n_threads_batch: 'int32_t',
  ctx_type: 'int',
  rope_scaling_type: 'int',
  pooling_type: 'int',
  attention_type: 'int',
  flash_attn_type: 'int',
  rope_freq_base: 'float',
  rope_freq_scale: 'float',
  yarn_ext_factor: 'float',
  yarn_attn_factor: 'float',
  yarn_beta_fast: 'float',
  yarn_beta_slow: 'float',
  yarn_orig_ctx: 'uint32_t',
  defrag_thold: 'float',
  cb_eval: 'void*',
  cb_eval_user_data: 'void*',
  type_k: 'int',
  type_v: 'int',
  abort_callback: 'void*',
  abort_callback_data: 'void*',
  embeddings: 'bool',
  offload_kqv: 'bool',
  no_perf: 'bool',
  op_offload: 'bool',
  swa_full: 'bool',
  kv_unified: 'bool',
  samplers: 'void*',
  n_samplers: 'size_t',
  ctx_other: 'void*',
}

/** `struct llama_batch` */
export const BATCH = {
  n_tokens: 'int32_t',
  token: 'void*',
  embd: 'void*',
  pos: 'void*',
  n_seq_id: 'void*',
  seq_id: 'void*',
  logits: 'void*',
}

/** In libggml-base. */
export const BASE_FUNCTIONS = {
  ggml_backend_reg_get_proc_address: 'void* ggml_backend_reg_get_proc_address(void* backend, const char* name)',
  ggml_threadpool_params_init: 'void ggml_threadpool_params_init(void* params, int threads)',
}

/** In libggml. */
export const GGML_FUNCTIONS = {
  ggml_backend_load_all_from_path: 'void ggml_backend_load_all_from_path(const char* folder)',
  ggml_backend_reg_by_name: 'void* ggml_backend_reg_by_name(const char* name)',
}

/** In the backend's library, which has to be asked for them. */
export const BACKEND_FUNCTIONS = {
  ggml_threadpool_new: 'void* ggml_threadpool_new(void* params)',
  ggml_threadpool_free: 'void ggml_threadpool_free(void* pool)',
}

/** In libllama. */
export const LLAMA_FUNCTIONS = {
  llama_version: 'const char* llama_version()',
  llama_log_set: 'void llama_log_set(void* callback, void* data)',
  llama_backend_init: 'void llama_backend_init()',
  llama_model_default_params: 'llama_model_params llama_model_default_params()',
  llama_model_load_from_file: 'void* llama_model_load_from_file(const char* path, llama_model_params params)',
  llama_model_free: 'void llama_model_free(void* model)',
  llama_model_n_params: 'uint64_t llama_model_n_params(void* model)',
  llama_model_size: 'uint64_t llama_model_size(void* model)',
  llama_model_desc: 'int llama_model_desc(void* model, void* text, size_t bytes)',
  llama_model_get_vocab: 'void* llama_model_get_vocab(void* model)',
  llama_vocab_n_tokens: 'int llama_vocab_n_tokens(void* vocab)',
  llama_context_default_params: 'llama_context_params llama_context_default_params()',
  llama_init_from_model: 'void* llama_init_from_model(void* model, llama_context_params params)',
  llama_free: 'void llama_free(void* context)',
  llama_get_memory: 'void* llama_get_memory(void* context)',
  llama_memory_clear: 'void llama_memory_clear(void* memory, bool data)',
  llama_memory_seq_rm: 'bool llama_memory_seq_rm(void* memory, int sequence, int from, int to)',
  llama_memory_seq_cp: 'void llama_memory_seq_cp(void* memory, int sequence, int into, int from, int to)',
  llama_decode: 'int llama_decode(void* context, llama_batch batch)',
  llama_get_logits: 'void* llama_get_logits(void* context)',
  llama_set_n_threads: 'void llama_set_n_threads(void* context, int threads, int batchThreads)',
  llama_attach_threadpool: 'void llama_attach_threadpool(void* context, void* pool, void* batchPool)',
}
