const t0=performance.now()
import * as echarts from 'echarts/core'
import { LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'
echarts.use([LineChart, GridComponent, SVGRenderer])
console.error('import', performance.now()-t0)
const c = echarts.init(null, null, { renderer:'svg', ssr:true, width:800, height:400 })
c.setOption({ animation:false, grid:{left:60,right:20,top:10,bottom:50}, xAxis:{type:'log',name:'<b>FLOPs</b> & "x"',nameLocation:'middle',nameGap:30, axisLabel:{color:'var(--muted)',fontFamily:'inherit'}}, yAxis:{type:'value',scale:true,splitLine:{lineStyle:{color:'var(--rule)'}}},
 series:[{type:'line',name:'"><script>alert(1)</script>',data:[[1,5.123456],[10,4],[100,3.5]],showSymbol:true,symbol:'circle',symbolSize:6,silent:true,lineStyle:{color:'var(--s1)',width:2,opacity:.5},itemStyle:{color:'var(--s1)'}}]})
console.log(c.renderToSVGString()); c.dispose()
