#include "actors/report/style.hpp"

#include <openssl/evp.h>

namespace lazaret::report {

// One accent per verdict, everything else paper and ink; both schemes keep a contrast of at least 4.5
// (WCAG 2.1, 1.4.3).
std::string_view style_sheet() noexcept {
  return R"css(
:root{color-scheme:light dark;--paper:#f5f3ee;--card:#fffdf9;--ink:#1f1d1a;--soft:#6a655d;--line:#e2ddd2;--code:#f0ece3;
--benign:#1c7a4d;--suspicious:#a65d00;--malicious:#b3261e;--inconclusive:#556070;--running:#2f5fa8}
@media(prefers-color-scheme:dark){:root{--paper:#141412;--card:#1d1c1a;--ink:#ece8e0;--soft:#a39d92;--line:#33312c;--code:#262421;
--benign:#5cc48d;--suspicious:#e9a94b;--malicious:#ff8a80;--inconclusive:#a9b4c4;--running:#8bb4f5}}
.benign{--accent:var(--benign)}.suspicious{--accent:var(--suspicious)}.malicious{--accent:var(--malicious)}
.inconclusive{--accent:var(--inconclusive)}.running{--accent:var(--running)}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,footer{max-width:58rem;margin:0 auto;padding:0 1.1rem}
code,pre,.mono{font-family:ui-monospace,"SF Mono","Cascadia Mono","DejaVu Sans Mono",Menlo,monospace;font-size:.84em}
code,.mono{overflow-wrap:anywhere}
header{border-top:6px solid var(--accent);background:linear-gradient(color-mix(in srgb,var(--accent) 12%,var(--paper)),var(--paper))}
.banner{max-width:58rem;margin:0 auto;padding:2rem 1.1rem 1.4rem;display:flex;gap:1.6rem;align-items:center}
.ring{flex:none;width:7rem;height:7rem}
.ring .track{stroke:var(--line)}.ring .arc{stroke:var(--accent)}
.ring .number{fill:var(--ink);font-weight:650}.ring .of{fill:var(--soft)}
.verdict{margin:0;color:var(--accent);font-size:clamp(1.9rem,6vw,2.9rem);line-height:1.05;font-weight:700;letter-spacing:-.025em}
.subject{margin:.35rem 0 0;font-size:1.12rem;overflow-wrap:anywhere}.subject b{font-weight:650}
.facts{margin:.3rem 0 0;color:var(--soft);font-size:.88rem;overflow-wrap:anywhere}
h2{margin:2.2rem 0 .7rem;font-size:1.12rem;letter-spacing:-.01em}
h2 small{color:var(--soft);font-weight:400;font-size:.86rem;margin-left:.35rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.95rem 1.1rem;margin:0 0 .8rem}
.summary{border-left:4px solid var(--accent);border-radius:5px 12px 12px 5px;overflow-wrap:anywhere}
.finding h3{margin:0;font-size:1rem;font-weight:620;display:flex;flex-wrap:wrap;gap:.25rem .6rem;align-items:center}
.finding h3>span+span{flex:1 1 14rem;min-width:0}
.finding .rule{margin-left:auto;color:var(--soft);font-weight:400}
.chip{font-size:.7rem;font-weight:700;letter-spacing:.05em;text-transform:uppercase;border-radius:99px;padding:.12rem .55rem;
border:1px solid currentColor;color:var(--soft)}
.critical,.high{color:var(--malicious)}.medium{color:var(--suspicious)}
.evidence{margin:.55rem 0 0;padding:0;list-style:none;border-top:1px solid var(--line)}
.evidence li{padding:.36rem 0;border-bottom:1px dashed var(--line)}.evidence li:last-child{border:0;padding-bottom:0}
.phase h3{margin:0 0 .15rem;font-size:1rem;font-weight:620;display:flex;gap:.6rem;align-items:baseline}
.phase p{margin:.1rem 0;overflow-wrap:anywhere}
.good{color:var(--benign)}.bad{color:var(--malicious)}.soft{color:var(--soft)}
.usage{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.4rem,1fr));gap:.5rem .8rem;margin:.75rem 0 0;padding:0}
.usage div{margin:0}.usage dt{color:var(--soft);font-size:.76rem}.usage dd{margin:0;font-variant-numeric:tabular-nums;font-weight:550}
.pairs{display:grid;grid-template-columns:minmax(6.5rem,auto) 1fr;gap:.32rem 1.1rem;margin:0}
.pairs dt{color:var(--soft)}.pairs dd{margin:0;overflow-wrap:anywhere;min-width:0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th{text-align:left;color:var(--soft);font-weight:500;font-size:.8rem}
th,td{padding:.34rem .6rem .34rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
tr:last-child td{border:0}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td:last-child,th:last-child{padding-right:0}
details{background:var(--card);border:1px solid var(--line);border-radius:12px;margin:0 0 .6rem}
summary{cursor:pointer;padding:.7rem 1.1rem;font-weight:560}summary span{color:var(--soft);font-weight:400;margin-left:.35rem}
details>ul,details>ol,details>table,details>pre,details>p{margin:0 1.1rem 1rem}
details>ul{padding:0;list-style:none}details>ul li{padding:.22rem 0;border-top:1px dashed var(--line)}
details>table{width:calc(100% - 2.2rem)}
pre{background:var(--code);border-radius:8px;padding:.75rem .9rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:26rem;overflow:auto;line-height:1.45}
.bar{display:block;height:.42rem;width:100%;margin-top:.5rem}.bar rect{fill:var(--accent);opacity:.75}
.quiet{color:var(--soft);margin:0}
footer{color:var(--soft);font-size:.84rem;padding-top:1.6rem;padding-bottom:3rem}
@media(max-width:36rem){.banner{gap:1.1rem;padding-top:1.4rem}.ring{width:5.4rem;height:5.4rem}.pairs{grid-template-columns:1fr;gap:0}
.pairs dd{margin-bottom:.55rem}.finding h3>span+span{flex:1 1 14rem;min-width:0}
.finding .rule{margin-left:0;width:100%}.hide{display:none}}
@media print{details>*{display:block}.card,details{break-inside:avoid}}
)css";
}

std::string style_digest() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  const auto sheet = style_sheet();
  EVP_Digest(sheet.data(), sheet.size(), digest, &length, EVP_sha256(), nullptr);
  unsigned char text[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
  const auto size = EVP_EncodeBlock(text, digest, static_cast<int>(length));
  return "sha256-" + std::string{reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

}  // namespace lazaret::report
