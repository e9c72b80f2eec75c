"""Pairs of (answer, expected) in English and Chinese, with what makes tokenizers stumble."""

ENGLISH = [
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ("The quick brown fox jumps over the lazy dog.", "The quick brown fox jumped over the lazy dog."),
    ("Paris is the capital of France, and its largest city.", "The capital of France is Paris."),
    ("It costs $1,234.56 (about 10% more).", "The price is $1,234.56, i.e. 10% more."),
    ("Don't panic -- it's only a \"test\"!", "Do not panic: it is only a test."),
    ("He said: \u201cWe\u2019ll be there at 5 p.m.\u201d", 'He said, "We\'ll be there at 5 p.m."'),
    ("A naïve café owner", "The naïve owner of a café on the corner of the old market square"),
    ("x &lt; y &amp; y &gt; z", "x < y & y > z"),
    ("one\ntwo\nthree-\nfour", "one two three-four"),
    ("Water boils at 100 degrees Celsius at sea level.", "At sea level, water boils at 100 °C."),
    ("yes", "Yes."),
    ("", "Something was expected here."),
    ("Completely unrelated words", "Nothing alike at all here"),
    ("Der schöne Käse ist für alle da", "Für alle ist der schöne Käse"),
    ("the the the the the the the", "The cat is on the mat."),
    ("snake_case and CamelCase, 3.14 and v2.0", "CamelCase and snake_case: v2.0, 3.14"),
]
CHINESE = [
    ("我爱北京天安门。", "我爱天安门。"),
    ("今天天气很好，我们去公园散步吧！", "今天天气不错，我们一起去公园散步。"),
    ("人工智能正在改变世界。", "人工智能正在深刻地改变我们的世界。"),
    ("水在标准大气压下的沸点是 100 摄氏度。", "在标准大气压下，水的沸点为100摄氏度。"),
    ("他说：“明天见。”", "他说:“明天再见!”"),
    ("GPT-4 是 OpenAI 开发的大语言模型", "GPT-4是由OpenAI公司开发的大型语言模型。"),
    ("北京是中华人民共和国的首都，也是一座有三千多年历史的古都。", "北京，中华人民共和国首都，有三千余年建城史。"),
    ("一二三四五", "五四三二一"),
    ("", "这里应该有答案。"),
    ("完全无关", "毫不相干的内容"),
    ("我要吃飯，㐀㐁䶵", "我要吃饭，㐀㐂䶵"),
    ("第一行\n第二行", "第一行，第二行"),
]
BY_LANGUAGE = {"13a": ENGLISH, "zh": CHINESE}
